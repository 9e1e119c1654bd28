import type { JobServices } from '../job/services.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import type { Core } from '../core/core.js';
import { classifyDatabaseError } from '../db/classify-error.js';
import { namesSecrets } from '../scrubbing/job-masks.js';
import type { TextMasker } from '../scrubbing/text-masker.js';
import type { Hold } from './held-job.js';

/** Bytes of what a lost holder sent that are kept with its attempt. */
const lateBytes = 64 * 1024;

/** Something that the holder of a lost attempt sent when it was too late. */
export interface LateData {
  kind: 'result' | 'log' | 'artifact' | 'events';
  /** What it sent, masked. */
  mask(masker: TextMasker | undefined): object;
}

/**
 * Keeps what a lost holder sends with its last attempt, apart from the job's result, as far as there is room; the
 * same thing sent twice is kept once. Nothing is kept of an agent that never held the job, and of a job whose secrets
 * are not there to be masked.
 */
export async function keepLate(
  deps: Core & Pick<JobServices, 'collections'> & Pick<ScrubbingServices, 'jobMasks'>,
  { job, agent }: Hold,
  { kind, mask }: LateData,
): Promise<void> {
  const lost = job?.attempts?.findLast(({ holder }) => holder === agent);
  if (job === undefined || lost === undefined) return;
  const { collections, log, jobMasks } = deps;
  const masker = await jobMasks.findForAttempt(job.job_id, lost.attempt);
  if (masker === undefined && (lost.masked === true || namesSecrets(job))) return;
  const late = { kind, text: JSON.stringify(mask(masker)) };
  const bytes = Buffer.byteLength(late.text);
  const room = { late_bytes: { $not: { $gt: lateBytes - bytes } }, late: { $ne: late } };
  const { modifiedCount } = await collections.jobs
    .updateOne(
      { _id: job._id, attempts: { $elemMatch: { attempt: lost.attempt, ...room } } } as object,
      { $push: { 'attempts.$.late': late }, $inc: { 'attempts.$.late_bytes': bytes } } as object,
    )
    .catch((error: unknown) => {
      // A job that has no room for it: a refusal would make the agent resend for ever.
      if (classifyDatabaseError(error) === 'too_large') return { modifiedCount: 0 };
      throw error;
    });
  log.info(
    { job_id: job.job_id, agent, attempt: lost.attempt, kind, kept: modifiedCount === 1 },
    'what came from an agent that lost the job is kept apart',
  );
}
