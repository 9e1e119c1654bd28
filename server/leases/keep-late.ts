import type { Deps } from '../deps.js';
import { namesSecrets } from '../scrubbing/job-masks.js';
import { maskText } from '../scrubbing/mask-input.js';
import { maskStrings } from '../scrubbing/mask-strings.js';
import type { TextMasker } from '../scrubbing/text-masker.js';
import type { Hold } from './held-job.js';

/** Bytes of what a lost holder sent that are kept with its attempt. */
const lateBytes = 64 * 1024;

/** Something that the holder of a lost attempt sent when it was too late. */
export interface LateData {
  kind: 'result' | 'log';
  sent: object;
}

/**
 * Keeps what a lost holder sends with its last attempt, apart from the job's result, as far as there is room; the
 * same thing sent twice is kept once. Nothing is kept of an agent that never held the job, and of a job whose secrets
 * are not there to be masked.
 */
export async function keepLate(deps: Deps, { job, agent }: Hold, { kind, sent }: LateData): Promise<void> {
  const lost = job?.attempts?.findLast(({ holder }) => holder === agent);
  if (job === undefined || lost === undefined) return;
  const { collections, log, jobMasks } = deps;
  const masker = await jobMasks.find(job, lost.attempt);
  if (masker === undefined && namesSecrets(job)) return;
  const late = { kind, text: JSON.stringify(maskStrings(sent, (text) => maskLateText(text, masker))) };
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
    { job_id: job.job_id, agent, attempt: lost.attempt, kind, kept: modifiedCount === 1 },
    'what came from an agent that lost the job is kept apart',
  );
}

/** The end of a text that may begin a secret is left out: what would go on with it stands beside it. */
function maskLateText(text: string, masker: TextMasker | undefined): string {
  if (masker === undefined) return maskText(text, masker);
  const { text: masked, held } = masker.maskPiece(text, undefined);
  return maskText(masked, masker) + (held ? masker.mark : '');
}
