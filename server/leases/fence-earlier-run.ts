import type { ClosedAttempt, JobRecord } from '../job/job-record.js';
import { closeLogs } from '../logs/log-segments.js';
import { namesSecrets } from '../scrubbing/job-masks.js';

/** The part of a job that its next run needs. */
type EarlierRun = Pick<
  JobRecord,
  'lease' | 'attempts' | 'result_data' | 'started_at' | 'phase_times' | 'job_data'
>;

/** Maximum number of attempts of earlier runs that are kept, to fence their holders. */
const maxAttemptsKept = 10;

/**
 * The fields that a resubmitted job keeps of its earlier run: the count of attempts, which fences what the last holder
 * still sends; who held the attempts; and where the logs of the new run start.
 */
export function fenceEarlierRun(
  seen: EarlierRun,
  now: Date,
): Partial<Pick<JobRecord, 'lease' | 'attempts' | 'log_segments'>> {
  const { lease } = seen;
  if (!lease) return {};
  const { attempt } = lease;
  const attempts = [...(seen.attempts ?? []), ...listHeld(seen, now)].map(forget).slice(-maxAttemptsKept);
  return {
    lease: { attempt, first: attempt + 1 },
    ...(attempts.length > 0 && { attempts }),
    log_segments: closeLogs({ lease }, { output: 0, serial: 0 }),
  };
}

/** The attempt that ends with the run, when somebody holds it. */
function listHeld(seen: EarlierRun, now: Date): ClosedAttempt[] {
  const { lease, result_data: result, started_at: startedAt, phase_times: phaseTimes } = seen;
  if (lease?.holder === undefined) return [];
  const { attempt, holder, client_id } = lease;
  return [
    {
      attempt,
      holder,
      ...(client_id !== undefined && { client_id }),
      ...(startedAt && { started_at: startedAt }),
      ...(phaseTimes && { phase_times: phaseTimes }),
      ended_at: now,
      reason: 'resubmitted',
      state: result.job_state,
      ...(namesSecrets(seen) && { masked: true }),
    },
  ];
}

/** The attempt without its results, which belonged to the earlier run. */
function forget(closed: ClosedAttempt): ClosedAttempt {
  const { attempt, holder, client_id, started_at, phase_times, ended_at, state, masked } = closed;
  return {
    attempt,
    holder,
    ...(client_id !== undefined && { client_id }),
    ...(started_at && { started_at }),
    ...(phase_times && { phase_times }),
    ended_at,
    reason: 'resubmitted',
    state,
    ...(masked && { masked }),
  };
}
