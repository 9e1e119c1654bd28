import { InvalidArgumentError } from 'commander';
import { durationSeconds } from '../job/duration-seconds.js';

/** Limits by queue; `*` stands for all queues. */
export type Limits = Record<string, number>;

/** Reads `QUEUE=N` and adds it to the earlier values of a repeated option. @throws InvalidArgumentError */
export function readPriority(text: string, earlier: Limits = {}): Limits {
  const [queue, value] = readPair(text);
  if (!/^\d{1,15}$/.test(value))
    throw new InvalidArgumentError('It must be QUEUE=N, where N is a whole number from 0 up.');
  return { ...earlier, [queue]: Number(value) };
}

/**
 * Reads `QUEUE=SECONDS` or `QUEUE=8h`, and adds it to the earlier values of a repeated option.
 * @throws InvalidArgumentError
 */
export function readReservation(text: string, earlier: Limits = {}): Limits {
  const [queue, value] = readPair(text);
  return { ...earlier, [queue]: readDuration(value) };
}

/** Reads `3600`, `90d` or `1h30m` as seconds. @throws InvalidArgumentError */
export function readDuration(text: string): number {
  const seconds = durationSeconds(text);
  if (seconds === undefined)
    throw new InvalidArgumentError('A duration must be a number of seconds, or like 90d, 8h, 1h30m.');
  return seconds;
}

// A queue name can contain `=`, but a limit cannot, so the last `=` separates them.
function readPair(text: string): [queue: string, value: string] {
  const end = text.lastIndexOf('=');
  if (end < 1) throw new InvalidArgumentError("It must be QUEUE=LIMIT, or '*=LIMIT' for all queues.");
  return [text.slice(0, end), text.slice(end + 1).trim()];
}

/** Merges changes into the stored limits. A limit of 0, which allows nothing, removes its entry. */
export function mergeLimits(stored: Limits, changes: Limits): Limits {
  return Object.fromEntries(Object.entries({ ...stored, ...changes }).filter(([, limit]) => limit !== 0));
}

/** Formats limits as the command line takes them: `*=1 q1=50`. */
export function presentLimits(limits: Limits, present: (limit: number) => string = String): string {
  return Object.entries(limits)
    .map(([queue, limit]) => `${queue}=${present(limit)}`)
    .join(' ');
}

/** Formats seconds as the command line takes them: `1h30m`. */
export function presentDuration(seconds: number): string {
  const parts: string[] = [];
  let rest = seconds;
  for (const [unit, length] of Object.entries({ d: 86_400, h: 3600, m: 60, s: 1 })) {
    if (rest >= length) parts.push(`${Math.floor(rest / length)}${unit}`);
    rest %= length;
  }
  return parts.join('') || '0s';
}
