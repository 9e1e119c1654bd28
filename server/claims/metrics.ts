import { counter, gauge, histogram } from '../core/metric-row.js';

const aQueue = 'name of the queue; `other` beyond 200 queues, and for names over 100 characters';

/** The metrics of waiting jobs and of claims. */
export const claimMetrics = {
  queueWaiting: gauge(
    'queuepass_queue_waiting_jobs',
    'Waiting jobs, including those that await their attachments; every process reports the same value.',
    { queue: aQueue },
    'max',
  ),
  queueOldest: gauge(
    'queuepass_queue_oldest_waiting_seconds',
    'Age of the oldest waiting job; every process reports the same value.',
    { queue: aQueue },
    'max',
  ),
  claims: counter('queuepass_claims_total', 'Jobs that agents claimed from this process.', { queue: aQueue }),
  wakeSeconds: histogram(
    'queuepass_wake_seconds',
    'Time from when a job can be claimed until its claim, for claims that were waiting for a job.',
    [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2],
  ),
};
