import type { z } from 'zod';
import { streamJson } from '../http/json-stream.js';
import type { Reply } from '../http/reply.js';
import { findJob } from '../job/find-job.js';
import { type Phase, phases } from '../job/phases.js';
import type { JobServices } from '../job/services.js';
import { type Fragment, type LogType } from '../logs/log-fragment.js';
import { type FragmentRange, findLastNumbers, type LogOwner, readFragments } from '../logs/read-fragments.js';
import type { LogServices } from '../logs/services.js';
import { findWholeLog } from '../logs/small-logs.js';
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
  deps: Pick<JobServices, 'findJobs'> & Pick<LogServices, 'collections' | 'findSmallLog'>,
  jobId: string,
  logType: LogType,
  range: z.output<typeof logQuery>,
): Promise<Reply> {
  const owner = await findLogOwner(deps, jobId);
  // A small log comes with those of other jobs; only the database compares timestamps.
  const whole = range.start_timestamp === undefined ? await findWholeLog(deps, owner) : undefined;
  const small = whole?.filter((fragment) => isInRange(fragment, logType, range));
  const last = small ? lastNumbersOf(small) : await findLastNumbers(deps, owner, logType, range);
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
    const fragments =
      small?.filter((fragment) => fragment.phase === phase) ??
      readFragments(deps, owner, logType, { ...range, phase });
    for await (const fragment of fragments) {
      if (fragment.number <= number) yield escapeText(fragment.text);
    }
  }
}

function isInRange(
  { logType, phase, number }: Fragment,
  wanted: LogType,
  { phase: wantedPhase, start_fragment: first }: FragmentRange,
): boolean {
  return (
    logType === wanted &&
    (wantedPhase === undefined || phase === wantedPhase) &&
    (first === undefined || number >= first)
  );
}

/** The highest number of each phase, of fragments in order. */
function lastNumbersOf(fragments: readonly Fragment[]): Map<string, number> {
  return new Map(fragments.map(({ phase, number }) => [phase, number]));
}

const ownerFields = { log_segments: 1 };

async function findLogOwner(deps: Pick<JobServices, 'findJobs'>, jobId: string): Promise<LogOwner> {
  const job = await findJob<LogOwner>(deps, jobId, ownerFields);
  return job ?? { job_id: jobId };
}

/** Escapes a text for use inside a JSON string. */
export function escapeText(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
