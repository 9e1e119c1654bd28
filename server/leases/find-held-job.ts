import type { HeldJob } from '../job/held-job.js';
import { endedStates } from '../job/job-state.js';
import type { JobServices } from '../job/services.js';

/**
 * Finds the document of a job id that a request is about: the one that the agent holds, else the newest. There is more than
 * one only if a Testflinger server stored an id again that was in use.
 * @param agent absent for other callers
 */
export async function findHeldJob(
  { findHeldJobs }: Pick<JobServices, 'findHeldJobs'>,
  jobId: string,
  agent: string | undefined,
): Promise<HeldJob | undefined> {
  return chooseHeld(await findHeldJobs(jobId), agent);
}

/** The same, with the job's statuses and device. */
export async function findHeldJobWithResult(
  { findHeldResults }: Pick<JobServices, 'findHeldResults'>,
  jobId: string,
  agent: string | undefined,
): Promise<HeldJob | undefined> {
  return chooseHeld(await findHeldResults(jobId), agent);
}

function chooseHeld(jobs: readonly HeldJob[], agent: string | undefined): HeldJob | undefined {
  const held = agent === undefined ? undefined : jobs.find((job) => isHeldBy(job, agent));
  return held ?? jobs[0];
}

/** A superseded document is fenced: the newer one lists its holder among those that lost the job. */
function isHeldBy({ lease, superseded, result_data: result }: HeldJob, agent: string): boolean {
  if (lease?.holder !== agent || superseded === true) return false;
  return lease.until !== undefined || !endedStates.includes(result.job_state);
}
