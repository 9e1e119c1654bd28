import type { Deps } from '../deps.js';
import type { Hold } from './held-job.js';

/** Bytes of what a lost holder sent that are kept with its attempt. */
const lateBytes = 64 * 1024;

/** Something that the holder of a lost attempt sent when it was too late. */
export interface LateData {
  kind: 'result' | 'log';
  /** JSON of what it sent. */
  text: string;
}

/**
 * Keeps what a lost holder sends with its last attempt, apart from the job's result, as far as there is room; the
 * same thing sent twice is kept once. Of an agent that never held the job nothing is kept.
 */
export async function keepLate(
  { collections, log }: Deps,
  { job, agent }: Hold,
  late: LateData,
): Promise<void> {
  const lost = job?.attempts?.findLast(({ holder }) => holder === agent);
  if (job === undefined || lost === undefined) return;
  const bytes = Buffer.byteLength(late.text);
  const { modifiedCount } = await collections.jobs.updateOne(
    {
      _id: job._id,
      attempts: {
        $elemMatch: {
          attempt: lost.attempt,
          late_bytes: { $not: { $gt: lateBytes - bytes } },
          late: { $ne: late },
        },
      },
    } as object,
    { $push: { 'attempts.$.late': late }, $inc: { 'attempts.$.late_bytes': bytes } } as object,
  );
  log.info(
    { job_id: job.job_id, agent, attempt: lost.attempt, kind: late.kind, kept: modifiedCount === 1 },
    'what came from an agent that lost the job is kept apart',
  );
}
