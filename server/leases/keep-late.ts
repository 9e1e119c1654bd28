import type { Core } from '../core/core.js';
import { classifyDatabaseError } from '../db/classify-error.js';
import { writeJson } from '../http/exact-json.js';
import type { ClosedAttempt } from '../job/job-record.js';
import type { JobServices } from '../job/services.js';
import { namesSecrets } from '../scrubbing/job-masks.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import type { TextMasker } from '../scrubbing/text-masker.js';
import type { Hold } from './hold-job.js';

/** Maximum size in bytes of late data that are kept with an attempt. */
const maxLateBytes = 64 * 1024;

/** Data that the holder of a lost attempt sent too late. */
export interface LateData {
  kind: 'result' | 'log' | 'artifact' | 'events';
  /** Returns the data without secrets. */
  mask(masker: TextMasker | undefined): object;
}

/** Returns the last attempt at a job that the sender lost; `undefined` if it never held the job. */
export function findLostAttempt({ job, agent }: Pick<Hold, 'job' | 'agent'>): ClosedAttempt | undefined {
  return job?.attempts?.findLast(({ holder }) => holder === agent);
}

/**
 * Keeps what a holder sends after it lost the job with its last attempt, apart from the job's result, as far as there is
 * room; the same data sent twice are kept once. Nothing is kept of an agent that never held the job, nor of a job whose
 * secrets are no longer known and so cannot be masked.
 */
export async function keepLate(
  deps: Core & Pick<JobServices, 'collections'> & Pick<ScrubbingServices, 'jobMasks'>,
  { job, agent }: Hold,
  { kind, mask }: LateData,
): Promise<void> {
  const lost = findLostAttempt({ job, agent });
  if (job === undefined || lost === undefined) return;
  const { collections, log, jobMasks } = deps;
  const masker = await jobMasks.findForAttempt(job.job_id, lost.attempt);
  if (masker === undefined && (lost.masked === true || namesSecrets(job))) return;
  const late = { kind, text: writeJson(mask(masker)) };
  const bytes = Buffer.byteLength(late.text);
  const room = { late_bytes: { $not: { $gt: maxLateBytes - bytes } }, late: { $ne: late } };
  const { modifiedCount } = await collections.jobs
    .updateOne(
      { _id: job._id, attempts: { $elemMatch: { attempt: lost.attempt, ...room } } } as object,
      { $push: { 'attempts.$.late': late }, $inc: { 'attempts.$.late_bytes': bytes } } as object,
    )
    .catch((error: unknown) => {
      // The job has no room for it. A refusal would make the agent send it again for ever.
      if (classifyDatabaseError(error) === 'too_large') return { modifiedCount: 0 };
      throw error;
    });
  log.info(
    { job_id: job.job_id, agent, attempt: lost.attempt, kind, kept: modifiedCount === 1 },
    'an agent sent data about a job that it had lost',
  );
}
