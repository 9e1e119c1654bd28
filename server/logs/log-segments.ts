import type { JobRecord, LogSegment, LogStart } from '../job/job-record.js';
import type { LogType } from './log-fragment.js';

type Segmented = Pick<JobRecord, 'lease' | 'log_segments'>;

/** Returns the stored number of a fragment that an agent numbered `sent`: attempts are stored one after the other. */
export function toStoredNumber(
  { lease, log_segments: segments = [] }: Segmented,
  logType: LogType,
  sent: number,
): number {
  const start = findStart(segments, logType, lease?.attempt ?? 0, sent);
  return start === undefined ? sent : start.at + (sent - start.from);
}

/**
 * Returns a job's segments after its attempt has ended: fragment 0 of the next attempt is stored at the given number.
 * @param next for each log, the first stored number that is free
 */
export function closeLogs(job: Segmented, next: Record<LogType, number>): LogSegment[] {
  const attempt = (job.lease?.attempt ?? 0) + 1;
  const start = (at: number): LogStart => ({ from: 0, at });
  return [...(job.log_segments ?? []), { attempt, output: start(next.output), serial: start(next.serial) }];
}

/**
 * Returns the segments of a job that is restored to the agent that lost it. New fragments of the agent follow the line
 * that reports the loss. Earlier fragments that the agent sends again keep their stored numbers.
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
  return segments.findLast((segment) => segment.attempt <= attempt && segment[logType].from <= sent)?.[
    logType
  ];
}
