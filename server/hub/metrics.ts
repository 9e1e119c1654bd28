import { gauge } from '../core/metric-row.js';

/** The metrics of waiting requests. */
export const hubMetrics = {
  waitingRequests: gauge(
    'queuepass_waiting_requests',
    'Requests with `Prefer: wait` that are waiting in this process.',
    {
      for: '`job` (a claim), `state` (the state of a job), `log` (a log fragment)',
    },
  ),
};
