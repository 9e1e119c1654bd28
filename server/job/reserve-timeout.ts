import type { z } from 'zod';
import { leaf, Refused } from '../schema/leaf.js';
import { durationSeconds, longestDuration } from './duration-seconds.js';

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

// A list or a map is only named: it may be large, or too deep to be written out.
function shown(value: unknown): string {
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'an object';
  return String(value).slice(0, longestDuration);
}
