import { counter, gauge } from '../core/metric-row.js';
import { phases } from '../job/phases.js';

/** What an agent that lost a job may still send. */
export const lateKinds = ['result', 'log', 'artifact', 'events'] as const;

/** The label values of the state of a leased job; every other word of an agent is `other`. */
export const leaseStates: readonly string[] = ['running', ...phases, 'other'];

/** The metrics of leases. */
export const leaseMetrics = {
  leases: gauge(
    'queuepass_leases',
    'Jobs that an agent holds under a lease, by their state; every process reports the same value.',
    { state: leaseStates.map((state) => `\`${state}\``).join(', ') },
    'max',
  ),
  leasesLost: counter(
    'queuepass_leases_lost_total',
    'Leases that ended, and what happened to the job.',
    {
      event: '`lose` (waits again), `give_up` (complete, no attempt left), `let_go` (was cancelled)',
      reason: '`lease_expired`',
    },
    ['lose', 'give_up', 'let_go'].map((event) => ({ event, reason: 'lease_expired' })),
  ),
  jobsGivenBack: counter('queuepass_jobs_given_back_total', 'Jobs returned to the agent that lost them.'),
  lateData: counter(
    'queuepass_late_data_total',
    'Requests with data about a job that the agent had lost; the server kept the data with the lost attempt, or discarded it.',
    { kind: lateKinds.map((kind) => `\`${kind}\``).join(', ') },
    lateKinds.map((kind) => ({ kind })),
  ),
  lastSweep: gauge(
    'queuepass_last_sweep_timestamp_seconds',
    'When expired leases were last swept, by any process; absent with `AGENT_LEASES=off`.',
    {},
    'max',
  ),
};
