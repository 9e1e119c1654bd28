import { gauge } from '../core/metric-row.js';

/** The metrics of requests that wait. */
export const hubMetrics = {
  waitingRequests: gauge(
    'queuepass_waiting_requests',
    'Requests that wait, with `Prefer: wait`, in this process.',
    {
      for: '`job` (a claim), `state` (the state of a job), `log` (a piece of a log)',
    },
  ),
};
