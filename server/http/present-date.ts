/** Formats a time as the v1 contract does: ISO 8601 in UTC with `Z`, without a fraction when it is zero. */
export function presentDate(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z');
}
