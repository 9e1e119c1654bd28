import type { ClosedAttempt, JobRecord } from '../db/collections.js';
import { closeLogs } from './log-segments.js';

/**
 * What a job that is submitted again keeps of the run before: the count of attempts, which fences what its last holder
 * still sends, who that was, and that the logs of the new run begin anew.
 */
export function fenceEarlierRun(
  seen: JobRecord,
  now: Date,
): Partial<Pick<JobRecord, 'lease' | 'attempts' | 'log_segments'>> {
  const { lease, result_data: result, started_at: startedAt } = seen;
  if (lease === undefined) return {};
  const { attempt, holder } = lease;
  const closed: ClosedAttempt[] = [
    ...(seen.attempts ?? []).map(({ attempt, holder, ended_at, state }) => ({
      attempt,
      holder,
      ended_at,
      state,
      reason: 'resubmitted' as const,
    })),
    ...(holder === undefined
      ? []
      : [
          {
            attempt,
            holder,
            ...(startedAt && { started_at: startedAt }),
            ended_at: now,
            reason: 'resubmitted' as const,
            state: result.job_state,
          },
        ]),
  ].slice(-10);
  return {
    lease: { attempt },
    ...(closed.length > 0 && { attempts: closed }),
    log_segments: closeLogs({ lease }, { output: 0, serial: 0 }),
  };
}
