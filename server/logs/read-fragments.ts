import type { LogServices } from './services.js';
import type { Filter } from 'mongodb';
import type { JobRecord, LogSegment } from '../job/job-record.js';
import type { LogRecord } from './collections.js';
import { type Phase } from '../job/phases.js';
import { type LogType, logTypes, serverAttempt, unpackText } from './log-fragment.js';

/** Milliseconds after which a MongoDB that leaves a batch of fragments without an answer is given up. */
const batchTimeoutMs = 30_000;

/** Which pieces of a log are wanted. */
export interface FragmentRange {
  phase?: Phase | undefined;
  /** The first number that is wanted. */
  start_fragment?: number | undefined;
  /** Pieces made before this time are left out. */
  start_timestamp?: Date | undefined;
}

/** Whose log is read: a job, or what is left of one that is not known any more. */
export type LogOwner = Pick<JobRecord, 'job_id' | 'log_segments'>;

/** One piece of a log as it was sent. */
export interface Fragment {
  logType: string;
  phase: string;
  number: number;
  text: string;
}

/** The highest number that is stored of each phase of a log; phases without any are not there. */
export async function findLastNumbers(
  { collections }: Pick<LogServices, 'collections'>,
  owner: LogOwner,
  logType: LogType,
): Promise<Map<string, number>> {
  const found = collections.logs.aggregate<{ _id: string; last: number }>([
    { $match: filterFragments(owner, logType, {}) },
    // In this order MongoDB reads one index entry per phase.
    { $sort: { job_id: -1, log_type: -1, phase: -1, fragment_number: -1 } },
    { $group: { _id: '$phase', last: { $first: '$fragment_number' } } },
  ]);
  return new Map((await found.toArray()).map(({ _id, last }) => [_id, last]));
}

/** Whether a log has any such piece. */
export async function hasFragments(
  { collections }: Pick<LogServices, 'collections'>,
  owner: LogOwner,
  logType: LogType,
  range: FragmentRange,
): Promise<boolean> {
  const found = await collections.logs.findOne(filterFragments(owner, logType, range), {
    projection: { _id: 1 },
  });
  return found !== null;
}

/**
 * The pieces of a job's log, or of both, by log, phase and number; read batch by batch as they are asked for. Of a piece
 * that a Testflinger server stored twice, the second is left out.
 */
export async function* readFragments(
  { collections }: Pick<LogServices, 'collections'>,
  owner: LogOwner,
  logType?: LogType,
  range: FragmentRange = {},
): AsyncGenerator<Fragment> {
  const cursor = collections.logs.find(filterFragments(owner, logType, range), {
    projection: { _id: 0, log_type: 1, phase: 1, fragment_number: 1, log_data: 1, replaced: 1 },
    sort: { log_type: 1, phase: 1, fragment_number: 1 },
    timeoutMS: batchTimeoutMs,
    timeoutMode: 'iteration',
  });
  let before: LogRecord | undefined;
  for await (const record of cursor) {
    if (before !== undefined && isSame(before, record)) continue;
    before = record;
    const { log_type, phase, fragment_number } = record;
    yield { logType: log_type, phase, number: fragment_number, text: unpackText(record) };
  }
}

function filterFragments(
  { job_id: jobId, log_segments: segments = [] }: LogOwner,
  logType: LogType | undefined,
  { phase, start_fragment: first, start_timestamp: from }: FragmentRange,
): Filter<LogRecord> {
  const late = segments.flatMap(filterLate);
  return {
    job_id: jobId,
    ...(logType !== undefined && { log_type: logType }),
    ...(phase !== undefined && { phase }),
    ...(first !== undefined && { fragment_number: { $gte: first } }),
    ...(from !== undefined && { timestamp: { $gte: from } }),
    ...(late.length > 0 && { $nor: late as Filter<LogRecord>[] }),
  };
}

/**
 * Pieces of an attempt that stand where the next one has begun: their write was under way when the attempt was lost.
 * Lines of the server's own are no attempt's.
 */
function filterLate({ attempt, ...starts }: LogSegment): object[] {
  if (attempt < 2) return [];
  return logTypes.map((type) => ({
    log_type: type,
    attempt: { $not: { $gte: attempt }, $ne: serverAttempt },
    fragment_number: { $gte: starts[type].at },
  }));
}

function isSame(one: LogRecord, other: LogRecord): boolean {
  return (
    one.fragment_number === other.fragment_number &&
    one.phase === other.phase &&
    one.log_type === other.log_type &&
    one.log_data === other.log_data
  );
}
