import { findJob } from '../job/find-job.js';
import type { JobServices } from '../job/services.js';
import type { LogServices } from '../logs/services.js';
import type { z } from 'zod';
import { streamJson } from '../http/json-stream.js';
import type { Reply } from '../http/reply.js';
import { dateTime, integer, object, oneOf } from '../schema/schema.js';
import { type Phase, phases } from '../job/phases.js';
import { type LogType } from '../logs/log-fragment.js';
import { findLastNumbers, type LogOwner, readFragments } from '../logs/read-fragments.js';

/** What of a log is wanted: one phase, from a number on, from a time on. */
export const logQuery = object({
  phase: oneOf(...phases).optional(),
  start_fragment: integer({ min: 0 }).optional(),
  start_timestamp: dateTime().optional(),
});

/**
 * A log by phase, streamed: `{output: {phase: {last_fragment_number, log_data}}}`. The number is the highest stored of
 * the phase, whatever the query leaves out, so that its successor is what to ask for next; -1 where nothing is stored.
 */
export async function getLog(
  deps: Pick<JobServices, 'collections'> & Pick<LogServices, 'collections'>,
  jobId: string,
  logType: LogType,
  range: z.output<typeof logQuery>,
): Promise<Reply> {
  const owner = await findLogOwner(deps, jobId);
  const last = await findLastNumbers(deps, owner, logType);
  const wanted = range.phase === undefined ? phases : [range.phase];
  return streamJson(logPieces(wanted));

  async function* logPieces(asked: readonly Phase[]): AsyncGenerator<string> {
    let before = `{"${logType}":{`;
    for (const phase of asked) {
      const number = last.get(phase) ?? -1;
      yield `${before}"${phase}":{"last_fragment_number":${number},"log_data":"`;
      const isAsked = last.has(phase) && number >= (range.start_fragment ?? number);
      if (isAsked) yield* textPieces(phase, number);
      yield '"}';
      before = ',';
    }
    yield '}}';
  }

  /** What came after the number was read is left for the next request: its number was not told. */
  async function* textPieces(phase: Phase, number: number): AsyncGenerator<string> {
    for await (const fragment of readFragments(deps, owner, logType, { ...range, phase })) {
      if (fragment.number <= number) yield escapeText(fragment.text);
    }
  }
}

async function findLogOwner(deps: Pick<JobServices, 'collections'>, jobId: string): Promise<LogOwner> {
  const job = await findJob<LogOwner>(deps, jobId, { _id: 0, job_id: 1, log_segments: 1 });
  return job ?? { job_id: jobId };
}

/** A text as it stands inside a JSON text. */
export function escapeText(given: string): string {
  return JSON.stringify(given).slice(1, -1);
}
