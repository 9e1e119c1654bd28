import type { z } from 'zod';
import { streamJson } from '../http/json-stream.js';
import type { Reply } from '../http/reply.js';
import { findJob } from '../job/find-job.js';
import { type Phase, phases } from '../job/phases.js';
import type { JobServices } from '../job/services.js';
import { type LogType } from '../logs/log-fragment.js';
import { findLastNumbers, type LogOwner, readFragments } from '../logs/read-fragments.js';
import type { LogServices } from '../logs/services.js';
import { dateTime, integer, object, oneOf } from '../schema/schema.js';

/** The query of a log: a phase, the lowest number, and the earliest timestamp. */
export const logQuery = object({
  phase: oneOf(...phases).optional(),
  start_fragment: integer({ min: 0 }).optional(),
  start_timestamp: dateTime().optional(),
});

/**
 * Returns a log by phase, streamed: `{output: {phase: {last_fragment_number, log_data}}}`. `last_fragment_number` is
 * the highest stored number that matches the query, and -1 if none does. `testflinger-cli poll --oneshot` reads it.
 */
export async function getLog(
  deps: Pick<JobServices, 'collections'> & Pick<LogServices, 'collections'>,
  jobId: string,
  logType: LogType,
  range: z.output<typeof logQuery>,
): Promise<Reply> {
  const owner = await findLogOwner(deps, jobId);
  const last = await findLastNumbers(deps, owner, logType, range);
  return streamJson(logPieces(range.phase === undefined ? phases : [range.phase]));

  async function* logPieces(wanted: readonly Phase[]): AsyncGenerator<string> {
    let before = `{"${logType}":{`;
    for (const phase of wanted) {
      const number = last.get(phase) ?? -1;
      yield `${before}"${phase}":{"last_fragment_number":${number},"log_data":"`;
      if (last.has(phase)) yield* textPieces(phase, number);
      yield '"}';
      before = ',';
    }
    yield '}}';
  }

  /** Omits fragments that arrived after the number was read: the client gets them with its next request. */
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

/** Escapes a text for use inside a JSON string. */
export function escapeText(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
