import { counter, histogram } from '../core/metric-row.js';

const routeLabel = 'the path of a route as declared, such as `/v1/job/{job_id}`, or `none`';
const methodLabel = 'an HTTP method, or `other`';

/** The metrics of requests. */
export const httpMetrics = {
  httpRequests: counter('queuepass_http_requests_total', 'Requests that got a response.', {
    method: methodLabel,
    route: routeLabel,
    status: 'the status of the response',
  }),
  httpSeconds: histogram(
    'queuepass_http_request_seconds',
    'Time from a request to its response; for a streamed response, to its start.',
    [0.002, 0.005, 0.02, 0.1, 0.5, 2, 10],
    { method: methodLabel, route: routeLabel },
  ),
};
