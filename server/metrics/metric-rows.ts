import { phases } from '../logs/log-fragment.js';

/** The kinds of metrics, as Prometheus names them. */
export type MetricKind = 'counter' | 'gauge' | 'histogram';

/** One row of the table: what a metric is called, what it tells, and what its labels can be. */
export interface MetricRow<K extends MetricKind = MetricKind, L extends string = string> {
  kind: K;
  name: string;
  help: string;
  /** Each label, and the bounded set that its values are of. */
  labels: Readonly<Record<L, string>>;
  /** Upper bounds of a histogram. */
  buckets?: number[];
  /** How the gauges of several workers are put together; `sum` when not given. */
  together?: 'max' | 'min' | 'first';
  /** Label sets that are there from the start, with 0, so that the first event shows as a rise. */
  initial?: readonly Record<L, string>[];
}

function counter<L extends string = never>(
  name: string,
  help: string,
  labels = {} as Record<L, string>,
  initial: readonly Record<L, string>[] = [],
): MetricRow<'counter', L> {
  return { kind: 'counter', name, help, labels, initial };
}
function gauge<L extends string = never>(
  name: string,
  help: string,
  labels = {} as Record<L, string>,
  together?: MetricRow['together'],
): MetricRow<'gauge', L> {
  return { kind: 'gauge', name, help, labels, ...(together && { together }) };
}
function histogram<L extends string = never>(
  name: string,
  help: string,
  buckets: number[],
  labels = {} as Record<L, string>,
): MetricRow<'histogram', L> {
  return { kind: 'histogram', name, help, labels, buckets };
}

/** What an agent that lost a job may still send. */
export const lateKinds = ['result', 'log', 'artifact', 'events'] as const;

/** The label values of the state of a leased job; every other word of an agent is `other`. */
export const leaseStates: readonly string[] = ['running', ...phases, 'other'];

const aQueue = 'name of the queue; `other` beyond 200 queues, and for names over 100 characters';
const aRoute = 'a path of the route list, such as `/v1/job/{job_id}`, or `none`';
const aMethod = 'a method of HTTP, or `other`';

/** Every metric, in the order of the reference page (`docs/reference/metrics.md` is generated from it). */
export const metricRows = {
  buildInfo: gauge(
    'queuepass_build_info',
    '1; its label tells the version.',
    { version: 'that of the server' },
    'first',
  ),
  httpRequests: counter('queuepass_http_requests_total', 'Requests that were answered.', {
    method: aMethod,
    route: aRoute,
    status: 'the status of the answer',
  }),
  httpSeconds: histogram(
    'queuepass_http_request_seconds',
    'Time from a request to its answer; of a streamed answer, to its begin.',
    [0.002, 0.005, 0.02, 0.1, 0.5, 2, 10],
    { method: aMethod, route: aRoute },
  ),
  tokenOutcomes: counter(
    'queuepass_token_outcomes_total',
    'Logins by a key, refreshes of a token, and access tokens that were refused.',
    {
      credential: '`client_key`, `refresh_token` or `access_token` (of which only refusals are counted)',
      outcome: '`accepted` or `refused`',
      reason: '`none` when accepted; else that of the security log as one word, or `other`',
    },
  ),
  bcryptQueue: gauge('queuepass_bcrypt_queue_length', 'Logins that wait for a worker that computes hashes.'),
  bcryptQueueLimit: gauge('queuepass_bcrypt_queue_limit', 'As many may wait; further ones are answered 503.'),
  queueWaiting: gauge(
    'queuepass_queue_waiting_jobs',
    'Waiting jobs, also those that await their attachments; the same from every process.',
    { queue: aQueue },
    'max',
  ),
  queueOldest: gauge(
    'queuepass_queue_oldest_waiting_seconds',
    'Age of the oldest of them; the same from every process.',
    { queue: aQueue },
    'max',
  ),
  queuesMeasured: gauge(
    'queuepass_queues_measured_timestamp_seconds',
    'When waiting jobs and leases were counted: at a scrape, at most once in 10 s; earlier when counting failed.',
    {},
    'max',
  ),
  claims: counter('queuepass_claims_total', 'Jobs that agents took from this process.', { queue: aQueue }),
  waitingRequests: gauge(
    'queuepass_waiting_requests',
    'Requests that wait, with `Prefer: wait`, in this process.',
    {
      for: '`job` (a claim), `state` (the state of a job), `log` (a piece of a log)',
    },
  ),
  wakeSeconds: histogram(
    'queuepass_wake_seconds',
    'Time from a job becoming claimable to its claim, where that claim had waited for it.',
    [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2],
  ),
  leases: gauge(
    'queuepass_leases',
    'Jobs in the hands of an agent under a lease, by their state; the same from every process.',
    { state: leaseStates.map((state) => `\`${state}\``).join(', ') },
    'max',
  ),
  leasesLost: counter(
    'queuepass_leases_lost_total',
    'Leases that ended, and what became of the job.',
    {
      event: '`lose` (waits again), `give_up` (complete, no attempt left), `let_go` (was cancelled)',
      reason: '`lease_expired`',
    },
    ['lose', 'give_up', 'let_go'].map((event) => ({ event, reason: 'lease_expired' })),
  ),
  jobsGivenBack: counter('queuepass_jobs_given_back_total', 'Jobs given back to the agent that lost them.'),
  lateData: counter(
    'queuepass_late_data_total',
    'What agents sent about a job that was not theirs any more, and which was kept apart or dropped.',
    { kind: lateKinds.map((kind) => `\`${kind}\``).join(', ') },
    lateKinds.map((kind) => ({ kind })),
  ),
  dutySeconds: histogram(
    'queuepass_duty_seconds',
    'Time of a run of a periodic duty in this process; one process at a time runs it.',
    [0.01, 0.1, 1, 5, 15, 60],
    { duty: '`sweep_leases`' },
  ),
  lastSweep: gauge(
    'queuepass_last_sweep_timestamp_seconds',
    'When expired leases were swept last, by any process; absent with `AGENT_LEASES=off`.',
    {},
    'max',
  ),
  mongodbPrimary: gauge(
    'queuepass_mongodb_primary_known',
    '1 while a MongoDB that takes writes is known, else 0.',
    {},
    'min',
  ),
  mongodbSeconds: histogram(
    'queuepass_mongodb_command_seconds',
    'Time for which a command had a connection: its round trip.',
    [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
  ),
  mongodbOpen: gauge('queuepass_mongodb_connections_open', 'Connections of the pool.'),
  mongodbInUse: gauge('queuepass_mongodb_connections_in_use', 'Those of them that a command has.'),
  mongodbLimit: gauge('queuepass_mongodb_connections_limit', 'Connections that the pool has at most.'),
  mongodbWaiting: gauge('queuepass_mongodb_commands_waiting', 'Commands that wait for a connection.'),
  mongodbNoConnection: counter(
    'queuepass_mongodb_connection_failures_total',
    'Commands that got no connection.',
    { reason: '`timeout`, `connectionError` or `poolClosed`' },
    ['timeout', 'connectionError', 'poolClosed'].map((reason) => ({ reason })),
  ),
  eventLoopLag: histogram(
    'queuepass_event_loop_lag_seconds',
    'By how much a timer of 100 ms comes late, since the process was busy.',
    [0.005, 0.02, 0.05, 0.1, 0.25, 1, 5],
  ),
  processCpu: counter('process_cpu_seconds_total', 'CPU time of the process, its worker threads included.'),
  processMemory: gauge(
    'process_resident_memory_bytes',
    'Memory of the process, without the embedded mongod.',
  ),
  processStart: gauge('process_start_time_seconds', 'When the process started.', {}, 'min'),
};
