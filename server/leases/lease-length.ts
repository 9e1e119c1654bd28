import type { Document } from 'mongodb';
import type { Clock } from '../core/clock.js';
import type { JobRecord } from '../job/job-record.js';
import type { LeaseSettings } from './settings.js';

/** Seconds that a job's provision may take when it names no `global_timeout` (the stock agent's own default). */
const defaultGlobalTimeout = 4 * 3600;

/** Maximum number of seconds of a `global_timeout` that count: jobs are not stored for longer. */
const maxGlobalTimeout = 7 * 24 * 3600;

/** Maximum number of milliseconds that remain of a lease whose holder asks for another job. */
const cutMs = 600_000;

/** The fields of a job that the length of its lease depends on. */
export type Leased = Pick<JobRecord, 'job_data' | 'result_data' | 'lease'>;

/**
 * Milliseconds of a stock agent's lease from its last sign of life (leases.md, section 2); longer in `provision`, which
 * gives no sign of life. The same as `leaseLength`, for a job that was read.
 */
export function readLeaseMs(
  { agentLeaseSeconds }: LeaseSettings,
  { job_data: data, result_data: result }: Leased,
): number {
  if (result.job_state !== 'provision') return agentLeaseSeconds * 1000;
  const timeout = typeof data.global_timeout === 'number' ? data.global_timeout : defaultGlobalTimeout;
  return (Math.min(Math.max(timeout, 0), maxGlobalTimeout) + agentLeaseSeconds) * 1000;
}

/**
 * The same as an expression, for a job that will be in `state`, which can be an expression too; a number where the state is
 * a literal, so that the length is known.
 */
export function leaseLength({ agentLeaseSeconds }: LeaseSettings, state: unknown): Document | number {
  const { $literal: word = 'provision' } = (state ?? {}) as { $literal?: unknown };
  if (word !== 'provision') return agentLeaseSeconds * 1000;
  const timeout = {
    $cond: [{ $isNumber: '$job_data.global_timeout' }, '$job_data.global_timeout', defaultGlobalTimeout],
  };
  const bounded = { $min: [{ $max: [timeout, 0] }, maxGlobalTimeout] };
  const provision = { $multiply: [{ $toLong: { $add: [bounded, agentLeaseSeconds] } }, 1000] };
  return { $cond: [{ $eq: [state, 'provision'] }, provision, agentLeaseSeconds * 1000] };
}

/** Maximum number of milliseconds of a cut lease. */
export function readCutMs({ agentLeaseSeconds }: LeaseSettings): number {
  return Math.min(cutMs, agentLeaseSeconds * 1000);
}

/** The database's present time plus some milliseconds, as an expression; `ms` can be an expression too. */
export function timeAfter(clock: Clock, ms: unknown): Document {
  return { $add: [clock.inDatabase, ms] };
}
