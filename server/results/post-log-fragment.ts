import type { DepsOf } from '../core/core.js';
import { isDuplicateKey } from '../db/classify-error.js';
import { findJob, idOnly } from '../job/find-job.js';
import type { HeldJob } from '../job/held-job.js';
import type { JobServices } from '../job/services.js';
import { holdJob } from '../leases/hold-job.js';
import { keepLate } from '../leases/keep-late.js';
import type { LogRecord } from '../logs/collections.js';
import type { FragmentKey } from '../logs/held-tails.js';
import { type FragmentInput, type LogType, packText, unknownJobAttempt } from '../logs/log-fragment.js';
import { toStoredNumber } from '../logs/log-segments.js';
import type { LogServices } from '../logs/services.js';
import type { Principal } from '../principal/principal.js';
import { maskText } from '../scrubbing/mask-input.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import type { TextMasker } from '../scrubbing/text-masker.js';
import { maskTokens } from '../scrubbing/token-forms.js';

/**
 * Stores one fragment of a job's log. If its number is already stored in its phase, the fragment is ignored: an agent
 * that got no response sends the same fragment again. As in Testflinger, fragments for an id that no job has are stored too,
 * since the job of a long reservation can expire before its agent is done. A job that gets the id later does not have them.
 * @returns false if the sender lost the job or never held it: `keepLate` then stores the fragment with a lost attempt
 */
export async function postLogFragment(
  deps: Pick<LogServices, 'collections' | 'heldTails' | 'insertLogFragment'> &
    Pick<JobServices, 'findJobs'> &
    DepsOf<typeof holdJob>,
  caller: Principal,
  { jobId, logType, fragment }: { jobId: string; logType: LogType; fragment: FragmentInput },
): Promise<boolean> {
  const hold = await holdJob(deps, caller, jobId, { writes: true });
  if (hold.isLost) {
    const mask = (masker: TextMasker | undefined) => ({
      log_type: logType,
      ...fragment,
      log_data: maskLoneText(fragment.log_data, masker),
    });
    await keepLate(deps, hold, { kind: 'log', mask });
    return false;
  }
  const { log_data: text, phase, timestamp } = fragment;
  const key = {
    job_id: hold.job?.job_id ?? jobId,
    log_type: logType,
    phase,
    ...numberFragment(hold.job, logType, fragment.fragment_number),
  };
  const fields = await maskFragment(deps, hold.job, key, text);
  try {
    await deps.insertLogFragment(
      { ...key, live: true, timestamp, ...fields, updated_at: deps.clock.now() },
      Buffer.byteLength(fields.log_data),
    );
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
  if (hold.job === undefined) await removeIfSubmitted(deps, jobId);
  return true;
}

/** Removes the fragments that were sent for an unknown id, if a job was submitted under this id meanwhile. */
async function removeIfSubmitted(
  deps: Pick<LogServices, 'collections'> & Pick<JobServices, 'findJobs'>,
  jobId: string,
): Promise<void> {
  if ((await findJob(deps, jobId, idOnly)) === undefined) return;
  await deps.collections.logs.deleteMany({ job_id: jobId, attempt: unknownJobAttempt });
}

async function maskFragment(
  { jobMasks, heldTails }: Pick<ScrubbingServices, 'jobMasks'> & Pick<LogServices, 'heldTails'>,
  job: HeldJob | undefined,
  key: FragmentKey,
  text: string,
): Promise<Pick<LogRecord, 'log_data' | 'replaced' | 'held'>> {
  const masker = job && (await jobMasks.find(job));
  return masker === undefined ? packText(maskTokens(text)) : heldTails.maskFragment(key, text, masker);
}

/** Returns the stored number and the attempt of a fragment. The first attempt is not stored, as in Testflinger. */
function numberFragment(
  job: HeldJob | undefined,
  logType: LogType,
  sent: number,
): Pick<LogRecord, 'fragment_number' | 'attempt'> {
  if (job === undefined) return { fragment_number: sent, attempt: unknownJobAttempt };
  const attempt = job.lease?.attempt ?? 1;
  return { fragment_number: toStoredNumber(job, logType, sent), ...(attempt > 1 && { attempt }) };
}

/** Masks a text that no fragment continues. An end that may begin a secret is replaced by the mark. */
function maskLoneText(text: string, masker: TextMasker | undefined): string {
  if (masker === undefined) return maskText(text, masker);
  const { text: masked, held } = masker.maskPiece(text, undefined);
  return maskText(masked, masker) + (held ? masker.mark : '');
}
