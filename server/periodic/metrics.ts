import { histogram } from '../core/metric-row.js';

/** The metrics of periodic duties. */
export const periodicMetrics = {
  dutySeconds: histogram(
    'queuepass_duty_seconds',
    'Duration of a run of a periodic duty in this process, in seconds; one process at a time runs each duty.',
    [0.01, 0.1, 1, 5, 15, 60],
    { duty: '`sweep_leases`' },
  ),
};
