import { counter, gauge, histogram } from '../core/metric-row.js';

/** The metrics of the process itself. */
export const processMetrics = {
  buildInfo: gauge(
    'queuepass_build_info',
    'Always 1; the label is the version.',
    { version: "the server's version" },
    'first',
  ),
  queuesMeasured: gauge(
    'queuepass_queues_measured_timestamp_seconds',
    'Time of the last successful count of waiting jobs and leases. A scrape starts a count, at most every 10 s.',
    {},
    'max',
  ),
  eventLoopLag: histogram(
    'queuepass_event_loop_lag_seconds',
    'Delay of a 100 ms timer, caused by work on the event loop.',
    [0.005, 0.02, 0.05, 0.1, 0.25, 1, 5],
  ),
  processCpu: counter('process_cpu_seconds_total', 'CPU time of the process, including its worker threads.'),
  processMemory: gauge(
    'process_resident_memory_bytes',
    'Resident memory of the process, without the embedded mongod.',
  ),
  processStart: gauge('process_start_time_seconds', 'Time at which the process started.', {}, 'min'),
};
