import type { Core } from '../core/core.js';
import { isDuplicateKey } from '../db/classify-error.js';
import type { JobRecord } from '../job/job-record.js';
import type { JobServices } from '../job/services.js';
import { type LogType, logTypes, serverAttempt } from './log-fragment.js';
import { findLastNumbers, type LogOwner } from './read-fragments.js';
import type { LogServices } from './services.js';

/** Finds the first free number of each log of a job. */
export async function findNextNumbers(
  deps: Pick<LogServices, 'collections'>,
  job: LogOwner,
): Promise<Record<LogType, number>> {
  const next = await Promise.all(
    logTypes.map(async (logType) => [
      logType,
      Math.max(-1, ...(await findLastNumbers(deps, job, logType)).values()) + 1,
    ]),
  );
  return Object.fromEntries(next) as Record<LogType, number>;
}

/**
 * Writes the pending line of a job to the job's output, and removes it from the job. If another process has already
 * written the line, the stored line stays unchanged.
 */
export async function writePendingLine(
  { collections, clock }: Core & Pick<JobServices, 'collections'> & Pick<LogServices, 'collections'>,
  { job_id: jobId, pending_line: line }: Pick<JobRecord, 'job_id' | 'pending_line'>,
): Promise<void> {
  if (line === undefined) return;
  const { phase, number, text } = line;
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
  await collections.jobs.updateOne({ job_id: jobId, pending_line: line }, { $unset: { pending_line: true } });
}

/** Writes all pending lines. A line is left over if its process was killed before it wrote the line. */
export async function writePendingLines(
  deps: Core & Pick<JobServices, 'collections'> & Pick<LogServices, 'collections'>,
): Promise<void> {
  const jobs = deps.collections.jobs.find(
    { pending_line: { $exists: true } },
    { projection: { job_id: 1, pending_line: 1 } },
  );
  for await (const job of jobs) await writePendingLine(deps, job);
}
