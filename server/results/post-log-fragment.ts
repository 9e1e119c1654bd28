import { isDuplicateKey } from '../db/classify-error.js';
import type { Deps } from '../deps.js';
import { type FragmentInput, type LogType, packText } from './log-fragment.js';

/**
 * Stores one piece of a job's log with one write. A piece whose number is stored already is taken for the same one,
 * sent again by an agent that got no answer. Whether the job exists is not asked.
 */
export async function postLogFragment(
  { collections, clock }: Deps,
  jobId: string,
  logType: LogType,
  { log_data: text, ...fragment }: FragmentInput,
): Promise<void> {
  try {
    await collections.logs.insertOne({
      job_id: jobId,
      log_type: logType,
      live: true,
      ...fragment,
      ...packText(text),
      updated_at: clock.now(),
    });
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
}
