import type { JobRecord, LogSegment, LogStart } from '../job/job-record.js';
import type { LogType } from './log-fragment.js';

type Segmented = Pick<JobRecord, 'lease' | 'log_segments'>;

/** Where a piece of a log that an agent numbered `sent` is stored: pieces of a further attempt stand behind those before. */
export function storedNumber(
  { lease, log_segments: segments = [] }: Segmented,
  logType: LogType,
  sent: number,
): number {
  const start = findStart(segments, logType, lease?.attempt ?? 0, sent);
  return start === undefined ? sent : start.at + (sent - start.from);
}

/**
 * The segments of a job whose attempt ends: pieces of the next one begin, from 0, at the given places.
 * @param next of each log, the number behind its last one
 */
export function closeLogs(job: Segmented, next: Record<LogType, number>): LogSegment[] {
  const attempt = (job.lease?.attempt ?? 0) + 1;
  const start = (at: number): LogStart => ({ from: 0, at });
  return [...(job.log_segments ?? []), { attempt, output: start(next.output), serial: start(next.serial) }];
}

/**
 * The segments of a job that goes back to the agent that lost it: the pieces that it sends from now on stand behind the
 * line that tells of the loss, and its earlier ones, sent again, where they are.
 */
export function resumeLogs({ lease, log_segments: segments = [] }: Segmented): LogSegment[] {
  const attempt = lease?.attempt ?? 0;
  const closed = segments.at(-1) as LogSegment;
  const before = segments.slice(0, -1);
  const resume = (logType: LogType, lines: number): LogStart => {
    const { at } = closed[logType];
    const start = findStart(before, logType, attempt, Infinity);
    return { from: at - lines - (start?.at ?? 0) + (start?.from ?? 0), at };
  };
  return [...before, { attempt, output: resume('output', 1), serial: resume('serial', 0) }];
}

function findStart(
  segments: readonly LogSegment[],
  logType: LogType,
  attempt: number,
  sent: number,
): LogStart | undefined {
  return segments.findLast((one) => one.attempt <= attempt && one[logType].from <= sent)?.[logType];
}
