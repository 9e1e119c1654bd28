import type { z } from 'zod';
import { leaf, Refused } from '../http/leaf.js';

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const UNIT = '(?:secs?|mins?|hours?|days?|[smhd])';
const DURATION = new RegExp(`^(?:\\d+\\s*${UNIT}\\s*)+$`, 'i');
const LONGEST_TEXT = 100;
const REASON = 'Invalid duration format: ';

/**
 * The schema of `reserve_data.timeout`: whole seconds, or text of them or of a duration, read as seconds.
 *
 * Anything else, null too, is an `Invalid duration format: ...`, as Testflinger answers.
 */
export function reserveTimeout(): z.ZodType<number> {
  const json = { anyOf: [{ type: 'integer', minimum: 0 }, { type: 'string' }] };
  return leaf(json, (value) => durationSeconds(value) ?? new Refused(REASON + shown(value)), `${REASON}null`);
}

/** Reads `90`, `"90"`, `"30m"`, `"1h30m"` or `"2d 5h"` as seconds; undefined for what is no duration. */
export function durationSeconds(value: unknown): number | undefined {
  const seconds = typeof value === 'string' ? textSeconds(value) : value;
  if (!Number.isSafeInteger(seconds) || (seconds as number) < 0) return undefined;
  return (seconds as number) || 0;
}

function textSeconds(value: string): number | undefined {
  if (value.length > LONGEST_TEXT) return undefined;
  const duration = value.trim();
  if (/^\+?\d+$/.test(duration)) return Number(duration);
  if (!DURATION.test(duration)) return undefined;
  let total = 0;
  for (const [, count, unit = ''] of duration.matchAll(/(\d+)\s*([a-z])/gi)) {
    total += Number(count) * (SECONDS[unit.toLowerCase()] ?? NaN);
  }
  return total;
}

// A list or a map is only named: it may be large, or too deep to be written out.
function shown(value: unknown): string {
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'an object';
  return String(value).slice(0, LONGEST_TEXT);
}
