import type { z } from 'zod';
import { leaf, Refused } from '../schema/leaf.js';
import { durationSeconds, maxDurationLength } from './duration-seconds.js';

const REASON = 'Invalid duration format: ';

/**
 * Returns the schema of `reserve_data.timeout`: whole seconds as a number or string, or a duration such as `1h30m`. The
 * value is read as seconds.
 *
 * Anything else, also null, gives Testflinger's reason `Invalid duration format: ...`.
 */
export function reserveTimeout(): z.ZodType<number> {
  const json = { anyOf: [{ type: 'integer', minimum: 0 }, { type: 'string' }] };
  return leaf(
    json,
    (value) => durationSeconds(value) ?? new Refused(REASON + presentValue(value)),
    `${REASON}null`,
  );
}

// A list or a map is not printed: it may be large, or nested too deeply to print.
function presentValue(value: unknown): string {
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'an object';
  return String(value).slice(0, maxDurationLength);
}
