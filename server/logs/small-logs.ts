import { LRUCache } from 'lru-cache';
import type { Collection } from 'mongodb';
import type { Batching } from '../db/batching.js';
import type { LogRecord } from './collections.js';
import { type Fragment, unpackText } from './log-fragment.js';
import { type FragmentHead, findHeads, isRepeated, type LogOwner, presentHead } from './read-fragments.js';
import type { LogServices } from './services.js';

/** Maximum fragments of a small log, and the code points of each. */
const smallFragments = 32;
const smallLength = 2 * 1024;

/** Logs that are read with one query: together at most 1 MiB of code points. */
const maxLogs = 16;

/** Ids of jobs with larger logs that a process remembers. */
const maxKnownLarge = 10_000;

/**
 * Returns a function that reads the whole log of a job, with the logs of other jobs of the same moment in one query. It
 * returns `undefined` for a log that is not small, which must be read by itself.
 */
export function createSmallLogReader(
  logs: Collection<LogRecord>,
  batching: Batching,
): (jobId: string) => Promise<readonly Fragment[] | undefined> {
  const large = new LRUCache<string, true>({ max: maxKnownLarge });
  const find = batching.batched(
    async (jobIds: readonly string[]) => {
      const { logOf, isLarge } = await findSmallLogs(logs, [...new Set(jobIds)]);
      return jobIds.map((jobId) => {
        if (isLarge(jobId)) large.set(jobId, true);
        return logOf(jobId);
      });
    },
    { maxItems: maxLogs },
  );
  return async (jobId) => (large.has(jobId) ? undefined : find(jobId));
}

/** Returns the whole log of a job if it is small and the job was not returned to its queue; else `undefined`. */
export async function findWholeLog(
  { findSmallLog }: Pick<LogServices, 'findSmallLog'>,
  { job_id: jobId, log_segments: segments = [] }: LogOwner,
): Promise<readonly Fragment[] | undefined> {
  return segments.length > 0 ? undefined : findSmallLog(jobId);
}

async function findSmallLogs(logs: Collection<LogRecord>, jobIds: readonly string[]) {
  const limit = jobIds.length * smallFragments + 1;
  // All in one response.
  const size = { limit, batchSize: limit + 1 };
  const heads = await findHeads(logs, { job_id: { $in: [...jobIds] } }, smallLength, size).toArray();
  const headsOf = new Map<string, FragmentHead[]>(jobIds.map((jobId) => [jobId, []]));
  for (const head of heads) headsOf.get(head.job_id)?.push(head);
  // The limit may have cut the log of the last job that was read, and nothing is known of those that sort behind it.
  const cutFrom = heads.length === limit ? heads.at(-1)?.job_id : undefined;
  const isLarge = (jobId: string) => {
    const found = headsOf.get(jobId) ?? [];
    return found.length > smallFragments || found.some(({ length }) => length > smallLength);
  };
  const logOf = (jobId: string) => {
    if (isLarge(jobId) || (cutFrom !== undefined && jobId >= cutFrom)) return undefined;
    const found = headsOf.get(jobId) ?? [];
    return found
      .filter((head, n) => !isRepeated(head, found[n - 1]))
      .map((head) => presentHead(head, unpackText(head)));
  };
  return { logOf, isLarge };
}
