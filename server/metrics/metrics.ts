import { counter, gauge, histogram } from '../core/metric-row.js';

/** The metrics of the process itself. */
export const processMetrics = {
  buildInfo: gauge(
    'queuepass_build_info',
    '1; its label names the version.',
    { version: 'that of the server' },
    'first',
  ),
  queuesMeasured: gauge(
    'queuepass_queues_measured_timestamp_seconds',
    'When waiting jobs and leases were counted: at a scrape, at most once in 10 s; earlier when counting failed.',
    {},
    'max',
  ),
  eventLoopLag: histogram(
    'queuepass_event_loop_lag_seconds',
    'Delay of a timer of 100 ms, since the process was busy.',
    [0.005, 0.02, 0.05, 0.1, 0.25, 1, 5],
  ),
  processCpu: counter('process_cpu_seconds_total', 'CPU time of the process, its worker threads included.'),
  processMemory: gauge(
    'process_resident_memory_bytes',
    'Memory of the process, without the embedded mongod.',
  ),
  processStart: gauge('process_start_time_seconds', 'When the process started.', {}, 'min'),
};
