import type { Document } from 'mongodb';
import type { LeaseSettings } from './settings.js';
import type { JobRecord } from '../job/job-record.js';
import type { Clock } from '../core/clock.js';

/** Seconds that a job's provision may take when it names no `global_timeout` (the stock agent's own default). */
const defaultGlobalTimeout = 4 * 3600;

/** Seconds of a `global_timeout` that count: no job is kept longer than it is stored. */
const mostGlobalTimeout = 7 * 24 * 3600;

/** Milliseconds that are left of a lease whose holder asks for other work. */
const cutMs = 600_000;

/** Of a job, what the length of its lease depends on. */
export type Leased = Pick<JobRecord, 'job_data' | 'result_data' | 'lease'>;

/**
 * Milliseconds of a lease from the holder's last sign of life (leases.md, section 2): a quiet provision gives none.
 * The same as `leaseLength`, for a job that was read.
 */
export function readLeaseMs(
  { agentLeaseSeconds }: LeaseSettings,
  { job_data: data, result_data: result }: Leased,
): number {
  if (result.job_state !== 'provision') return agentLeaseSeconds * 1000;
  const timeout = typeof data.global_timeout === 'number' ? data.global_timeout : defaultGlobalTimeout;
  return (Math.min(Math.max(timeout, 0), mostGlobalTimeout) + agentLeaseSeconds) * 1000;
}

/**
 * The same as an expression, for a job whose state is `state` (an expression too) once it is written; a number where that
 * is a literal of which it is known.
 */
export function leaseLength({ agentLeaseSeconds }: LeaseSettings, state: unknown): Document | number {
  const { $literal: word = 'provision' } = (state ?? {}) as { $literal?: unknown };
  if (word !== 'provision') return agentLeaseSeconds * 1000;
  const timeout = {
    $cond: [{ $isNumber: '$job_data.global_timeout' }, '$job_data.global_timeout', defaultGlobalTimeout],
  };
  const bounded = { $min: [{ $max: [timeout, 0] }, mostGlobalTimeout] };
  const provision = { $multiply: [{ $toLong: { $add: [bounded, agentLeaseSeconds] } }, 1000] };
  return { $cond: [{ $eq: [state, 'provision'] }, provision, agentLeaseSeconds * 1000] };
}

/** Milliseconds that a cut lease has at most. */
export function readCutMs({ agentLeaseSeconds }: LeaseSettings): number {
  return Math.min(cutMs, agentLeaseSeconds * 1000);
}

/** A time so long after the database's present one; `ms` may be an expression. */
export function timeAfter(clock: Clock, ms: unknown): Document {
  return { $add: [clock.inDatabase, ms] };
}
