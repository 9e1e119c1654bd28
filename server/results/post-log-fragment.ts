import type { LogServices } from '../logs/services.js';
import type { DepsOf } from '../core/core.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import type { Principal } from '../principal/principal.js';
import { isDuplicateKey } from '../db/classify-error.js';
import type { LogRecord } from '../logs/collections.js';
import type { HeldJob } from '../job/held-job.js';
import { holdJob } from '../leases/held-job.js';
import { keepLate } from '../leases/keep-late.js';
import { storedNumber } from '../logs/log-segments.js';
import type { PiecePlace } from '../logs/held-tails.js';
import { maskText } from '../scrubbing/mask-input.js';
import type { TextMasker } from '../scrubbing/text-masker.js';
import { maskTokens } from '../scrubbing/token-forms.js';
import { type FragmentInput, type LogType, packText } from '../logs/log-fragment.js';

/**
 * Stores one piece of a job's log. A piece whose number is stored already is taken for the same one, sent again by an
 * agent that got no answer. Pieces for a job that does not exist are stored too.
 * @returns false when the job is no longer its sender's: what it sent is kept apart
 */
export async function postLogFragment(
  deps: Pick<LogServices, 'heldTails' | 'insertLogPiece'> & DepsOf<typeof holdJob>,
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
  const place = {
    job_id: jobId,
    log_type: logType,
    phase,
    ...placeInLog(hold.job, logType, fragment.fragment_number),
  };
  const fields = await maskPiece(deps, hold.job, place, text);
  try {
    await deps.insertLogPiece(
      { ...place, live: true, timestamp, ...fields, updated_at: deps.clock.now() },
      Buffer.byteLength(fields.log_data),
    );
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
  return true;
}

async function maskPiece(
  { jobMasks, heldTails }: Pick<ScrubbingServices, 'jobMasks'> & Pick<LogServices, 'heldTails'>,
  job: HeldJob | undefined,
  place: PiecePlace,
  text: string,
): Promise<Pick<LogRecord, 'log_data' | 'replaced' | 'held'>> {
  const masker = job && (await jobMasks.find(job));
  return masker === undefined ? packText(maskTokens(text)) : heldTails.maskPiece(place, text, masker);
}

/** Where a piece of the present attempt stands; those of the first one are as every server stores them. */
function placeInLog(
  job: HeldJob | undefined,
  logType: LogType,
  sent: number,
): Pick<LogRecord, 'fragment_number' | 'attempt'> {
  if (job === undefined) return { fragment_number: sent };
  const attempt = job.lease?.attempt ?? 1;
  return { fragment_number: storedNumber(job, logType, sent), ...(attempt > 1 && { attempt }) };
}

/** The end of a text that may begin a secret is left out: what would go on with it stands beside it. */
function maskLoneText(text: string, masker: TextMasker | undefined): string {
  if (masker === undefined) return maskText(text, masker);
  const { text: masked, held } = masker.maskPiece(text, undefined);
  return maskText(masked, masker) + (held ? masker.mark : '');
}
