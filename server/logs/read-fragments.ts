import type { Filter } from 'mongodb';
import type { JobRecord, LogSegment } from '../job/job-record.js';
import { type Phase } from '../job/phases.js';
import type { LogRecord } from './collections.js';
import { type LogType, logTypes, serverAttempt, unpackText } from './log-fragment.js';
import type { LogServices } from './services.js';

/** Milliseconds that MongoDB may take to return one batch of fragments. */
const batchTimeoutMs = 30_000;

/** Selects fragments of a log. */
export interface FragmentRange {
  phase?: Phase | undefined;
  /** The lowest stored number to return. */
  start_fragment?: number | undefined;
  /** Fragments with an earlier `timestamp` are omitted. */
  start_timestamp?: Date | undefined;
}

/** The job whose log is read. `log_segments` is absent if the job itself has expired and only its log remains. */
export type LogOwner = Pick<JobRecord, 'job_id' | 'log_segments'>;

/** A log fragment with its original text. */
export interface Fragment {
  logType: string;
  phase: string;
  number: number;
  text: string;
}

/**
 * Finds the highest stored number of each phase of a log, of the fragments in the range. The map omits phases without
 * such a fragment.
 */
export async function findLastNumbers(
  deps: Pick<LogServices, 'collections'>,
  owner: LogOwner,
  logType: LogType,
  range: FragmentRange = {},
): Promise<Map<string, number>> {
  const found = deps.collections.logs.aggregate<{ _id: string; last: number }>([
    { $match: filterFragments(owner, logType, range.phase === undefined ? {} : { phase: range.phase }) },
    // In this order MongoDB reads one index entry per phase.
    { $sort: { job_id: -1, log_type: -1, phase: -1, fragment_number: -1 } },
    { $group: { _id: '$phase', last: { $first: '$fragment_number' } } },
  ]);
  const last = (await found.toArray()).filter(
    ({ last: number }) => number >= (range.start_fragment ?? number),
  );
  if (range.start_timestamp === undefined) return new Map(last.map(({ _id, last: number }) => [_id, number]));
  // The index has no timestamps: newest first, the first fragment that is read usually matches.
  const numbers = await Promise.all(
    last.map(
      async ({ _id }) =>
        [_id, await findLastNumber(deps, owner, logType, { ...range, phase: _id as Phase })] as const,
    ),
  );
  return new Map(numbers.filter((entry): entry is [string, number] => entry[1] !== undefined));
}

async function findLastNumber(
  { collections }: Pick<LogServices, 'collections'>,
  owner: LogOwner,
  logType: LogType,
  range: FragmentRange,
): Promise<number | undefined> {
  const found = await collections.logs.findOne(filterFragments(owner, logType, range), {
    projection: { _id: 0, fragment_number: 1 },
    sort: { job_id: -1, log_type: -1, phase: -1, fragment_number: -1 },
  });
  return found?.fragment_number;
}

/** Returns whether a log has at least one fragment in the range. */
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
 * Reads the fragments of one log of a job, or of both, sorted by log, phase and number. Batches are read only when the
 * consumer needs them. If a Testflinger server stored the same fragment twice, the second copy is omitted.
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
 * Matches fragments of an earlier attempt in the range of a later one: they were stored after the attempt was lost.
 * Lines that the server wrote belong to no attempt and do not match.
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
