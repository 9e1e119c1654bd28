/** Seconds that a request may wait at most. */
const longestWaitSeconds = 60;

/**
 * The seconds that a client is ready to wait for its answer, of its `Prefer` header (RFC 7240 section 4.3): at most 60, 0
 * where it says nothing of it. What is not understood is passed over, and of a preference that is named twice the first
 * counts, as section 2 says.
 */
export function readWait(header: string | undefined): number {
  if (header === undefined) return 0;
  for (const preference of header.split(',')) {
    const found = /^\s*wait\s*=\s*(?:"(\d+)"|(\d+))\s*(?:;.*)?$/i.exec(preference);
    if (found) return Math.min(Number(found[1] ?? found[2]), longestWaitSeconds);
    if (/^\s*wait\s*(?:[=;]|$)/i.test(preference)) return 0;
  }
  return 0;
}
