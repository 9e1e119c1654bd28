import type { ClosedAttempt, JobRecord } from '../job/job-record.js';
import { namesSecrets } from '../scrubbing/job-masks.js';
import { closeLogs } from '../logs/log-segments.js';

/** Attempts of earlier runs that are remembered, to fence those who held them. */
const attemptsKept = 10;

/**
 * What a job that is submitted again keeps of the run before: the count of attempts, which fences what its last holder
 * still sends, who that was, and that the logs of the new run begin anew.
 */
export function fenceEarlierRun(
  seen: JobRecord,
  now: Date,
): Partial<Pick<JobRecord, 'lease' | 'attempts' | 'log_segments'>> {
  const { lease } = seen;
  if (!lease) return {};
  const { attempt } = lease;
  const attempts = [...(seen.attempts ?? []), ...listHeld(seen, now)].map(forget).slice(-attemptsKept);
  return {
    lease: { attempt, first: attempt + 1 },
    ...(attempts.length > 0 && { attempts }),
    log_segments: closeLogs({ lease }, { output: 0, serial: 0 }),
  };
}

/** The attempt that the run ends with, when somebody holds it. */
function listHeld(seen: JobRecord, now: Date): ClosedAttempt[] {
  const { lease, result_data: result, started_at: startedAt } = seen;
  if (lease?.holder === undefined) return [];
  const { attempt, holder } = lease;
  return [
    {
      attempt,
      holder,
      ...(startedAt && { started_at: startedAt }),
      ended_at: now,
      reason: 'resubmitted',
      state: result.job_state,
      ...(namesSecrets(seen) && { masked: true }),
    },
  ];
}

/** Without what the attempt told, which belonged to the run before. */
function forget({ attempt, holder, started_at, ended_at, state, masked }: ClosedAttempt): ClosedAttempt {
  return {
    attempt,
    holder,
    ...(started_at && { started_at }),
    ended_at,
    reason: 'resubmitted',
    state,
    ...(masked && { masked }),
  };
}
