const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const UNIT = '(?:secs?|mins?|hours?|days?|[smhd])';
const DURATION = new RegExp(`^(?:\\d+\\s*${UNIT}\\s*)+$`, 'i');

/** Maximum number of characters of a duration. */
export const maxDurationLength = 100;

/**
 * Converts `90`, `"90"`, `"30m"`, `"1h30m"` or `"2d 5h"` to seconds. Returns `undefined` if the value is not a
 * duration.
 */
export function durationSeconds(value: unknown): number | undefined {
  const seconds = typeof value === 'string' ? textSeconds(value) : value;
  if (!Number.isSafeInteger(seconds) || (seconds as number) < 0) return undefined;
  return (seconds as number) || 0;
}

function textSeconds(value: string): number | undefined {
  if (value.length > maxDurationLength) return undefined;
  const duration = value.trim();
  if (/^\+?\d+$/.test(duration)) return Number(duration);
  if (!DURATION.test(duration)) return undefined;
  let total = 0;
  for (const [, count, unit = ''] of duration.matchAll(/(\d+)\s*([a-z])/gi)) {
    total += Number(count) * (SECONDS[unit.toLowerCase()] ?? NaN);
  }
  return total;
}
