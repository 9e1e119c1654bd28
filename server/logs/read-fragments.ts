import type { Collection, Document, Filter, FindCursor, FindOptions, WithId } from 'mongodb';
import type { JobRecord, LogSegment } from '../job/job-record.js';
import { type Phase } from '../job/phases.js';
import type { LogRecord } from './collections.js';
import {
  type Fragment,
  type LogType,
  logTypes,
  serverAttempt,
  skipReplaced,
  unpackText,
} from './log-fragment.js';
import type { LogServices } from './services.js';

/** Fragments in one batch, and the code points of each that come with it: together at most 512 KiB. */
const batchFragments = 16;
const inlineLength = 8 * 1024;

/**
 * Code points of a longer fragment that are read at once. With 64 Ki a log of long fragments is read twice as fast, but a
 * slow reader holds half a MiB more.
 */
const sliceLength = 16 * 1024;

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
 * consumer needs them, and a long fragment in several parts, so that a consumer that waits for a slow client holds less
 * than 1 MiB. If a Testflinger server stored the same fragment twice, the second copy is omitted.
 */
export async function* readFragments(
  { collections }: Pick<LogServices, 'collections'>,
  owner: LogOwner,
  logType?: LogType,
  range: FragmentRange = {},
): AsyncGenerator<Fragment> {
  const cursor = findHeads(collections.logs, filterFragments(owner, logType, range), inlineLength, {
    batchSize: batchFragments,
    timeoutMode: 'iteration',
  });
  let before: FragmentHead | undefined;
  for await (const head of cursor) {
    if (isRepeated(head, before)) continue;
    before = head;
    if (head.length <= inlineLength) yield presentHead(head, unpackText(head));
    else for await (const text of readSlices(collections, head._id)) yield presentHead(head, text);
  }
}

/** A fragment as it is first read: with its text only if that is short. */
export type FragmentHead = WithId<
  Pick<LogRecord, 'job_id' | 'log_type' | 'phase' | 'fragment_number' | 'log_data' | 'replaced'>
> & {
  /** Code points of the whole text. */
  length: number;
};

/**
 * Finds fragments by job, log, phase and number.
 * @param inline the code points of a text that comes with its head; a longer text is empty
 */
export function findHeads(
  logs: Collection<LogRecord>,
  filter: Filter<LogRecord>,
  inline: number,
  options: Pick<FindOptions, 'batchSize' | 'limit' | 'timeoutMode'>,
): FindCursor<FragmentHead> {
  return logs.find<FragmentHead>(filter, {
    ...options,
    projection: headFieldsOf(inline),
    sort: { job_id: 1, log_type: 1, phase: 1, fragment_number: 1 },
    timeoutMS: batchTimeoutMs,
  });
}

/** Whether a fragment is the second copy of the one before it, as a Testflinger server may have stored it. */
export function isRepeated(head: FragmentHead, before: FragmentHead | undefined): boolean {
  return before !== undefined && isSame(before, head);
}

/** A fragment with its text, or a part of it. */
export function presentHead({ log_type, phase, fragment_number }: FragmentHead, text: string): Fragment {
  return { logType: log_type, phase, number: fragment_number, text };
}

/** The text of a fragment. Other servers may have stored something else, on which the operators of texts fail. */
const storedText = { $cond: [{ $eq: [{ $type: '$log_data' }, 'string'] }, '$log_data', ''] };

function headFieldsOf(inline: number): Document {
  const isInline = { $lte: [{ $strLenCP: storedText }, inline] };
  return {
    job_id: 1,
    log_type: 1,
    phase: 1,
    fragment_number: 1,
    length: { $strLenCP: storedText },
    log_data: { $cond: [isInline, storedText, ''] },
    replaced: { $cond: [isInline, '$replaced', '$$REMOVE'] },
  };
}

/** Reads a long text in parts; nothing more if its fragment is removed meanwhile. */
async function* readSlices(
  { logs }: LogServices['collections'],
  id: FragmentHead['_id'],
): AsyncGenerator<string> {
  let marks = 0;
  for (let from = 0; ; from += sliceLength) {
    const slice = await logs.findOne<Pick<LogRecord, 'log_data' | 'replaced'>>(
      { _id: id },
      {
        projection: { log_data: { $substrCP: [storedText, from, sliceLength] }, replaced: 1 },
        timeoutMS: batchTimeoutMs,
      },
    );
    if (slice === null || slice.log_data === '') return;
    const { log_data, replaced } = slice;
    yield unpackText({ log_data, ...(replaced && { replaced: skipReplaced(replaced, marks) }) });
    if (replaced) marks += log_data.split('\uFFFD').length - 1;
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

/** Compares long fragments by their length and beginning. */
function isSame(one: FragmentHead, other: FragmentHead): boolean {
  return (
    one.fragment_number === other.fragment_number &&
    one.job_id === other.job_id &&
    one.phase === other.phase &&
    one.log_type === other.log_type &&
    one.length === other.length &&
    one.log_data === other.log_data
  );
}
