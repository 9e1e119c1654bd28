import type { JobRecord } from '../job/job-record.js';
import { endedStates } from '../job/job-state.js';
import { holderKinds } from './holder-kinds.js';

/**
 * What an agent is to a job:
 * - `holder`: it holds the job, or held it at its end;
 * - `unheld`: nobody holds it and nobody lost it: never claimed, or claimed from another server;
 * - `returnable`: the agent lost it and nobody else has taken it;
 * - `lost`: the agent lost it, and it went on without it;
 * - `foreign`: another agent holds it, and this one never did.
 */
export type Standing = 'holder' | 'unheld' | 'returnable' | 'lost' | 'foreign';

/** The fields of a job by which a writer is classified. */
export type ClassifiedJob = Pick<JobRecord, 'result_data' | 'lease' | 'attempts'>;

/** Classifies an agent that writes to a job (leases.md, section 4). */
export function classifyWriter(
  { result_data: result, lease, attempts = [] }: ClassifiedJob,
  agent: string,
): Standing {
  if (lease?.holder === agent) return 'holder';
  const hasLost = attempts.some(({ holder }) => holder === agent);
  if (lease?.holder !== undefined) return hasLost ? 'lost' : 'foreign';
  if (!hasLost) return attempts.length > 0 && endedStates.includes(result.job_state) ? 'foreign' : 'unheld';
  const last = attempts.at(-1);
  const isReturnable =
    holderKinds.agent.mayReturn &&
    result.job_state === 'waiting' &&
    last?.holder === agent &&
    last.reason === 'lease_expired' &&
    // Otherwise there was a claim since, which was undone.
    last.attempt === lease?.attempt;
  return isReturnable ? 'returnable' : 'lost';
}

/**
 * Whether a job waits for a claim, so that no agent may write to it yet. A job that waits because the agent lost it is
 * not one while the agent may have it back.
 * @param agent absent for a sender without a name
 */
export function awaitsClaim(job: ClassifiedJob, agent: string | undefined): boolean {
  if (job.lease?.holder !== undefined || job.result_data.job_state !== 'waiting') return false;
  return agent === undefined || classifyWriter(job, agent) !== 'returnable';
}
