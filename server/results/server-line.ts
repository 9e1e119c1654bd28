import { isDuplicateKey } from '../db/classify-error.js';
import type { Deps } from '../deps.js';
import { type LogType, logTypes, type Phase, serverAttempt } from './log-fragment.js';
import { findLastNumbers, type LogOwner } from './read-fragments.js';

/** A line of the server's own in the output of a job. */
export interface ServerLine {
  phase: Phase;
  /** Where it is stored: behind the last piece. */
  number: number;
  text: string;
}

/** Of each log of a job, the number behind its last piece. */
export async function findNextNumbers(deps: Deps, job: LogOwner): Promise<Record<LogType, number>> {
  const next = await Promise.all(
    logTypes.map(async (logType) => [
      logType,
      Math.max(-1, ...(await findLastNumbers(deps, job, logType)).values()) + 1,
    ]),
  );
  return Object.fromEntries(next) as Record<LogType, number>;
}

/** Writes a line of the server's own into a job's output. */
export async function addServerLine(
  { collections, clock }: Deps,
  jobId: string,
  { phase, number, text }: ServerLine,
): Promise<void> {
  const now = clock.now();
  try {
    await collections.logs.insertOne({
      job_id: jobId,
      log_type: 'output',
      live: true,
      attempt: serverAttempt,
      fragment_number: number,
      timestamp: now,
      phase,
      log_data: text,
      updated_at: now,
    });
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
}
