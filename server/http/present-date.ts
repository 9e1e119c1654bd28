/** A time as the v1 contract writes it: ISO 8601 in UTC with `Z`, without a fraction when that is zero. */
export function presentDate(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z');
}
