/** Maximum seconds that a request may wait. */
const maxWaitSeconds = 60;

/**
 * Reads how many seconds a client will wait for a response from its `Prefer` header (RFC 7240 section 4.3): 60 at most,
 * 0 without a `wait` preference. An invalid preference is ignored. Of a preference that is given twice the first counts
 * (section 2).
 */
export function readWait(header: string | undefined): number {
  if (header === undefined) return 0;
  for (const preference of header.split(',')) {
    const found = /^\s*wait\s*=\s*(?:"(\d+)"|(\d+))\s*(?:;.*)?$/i.exec(preference);
    if (found) return Math.min(Number(found[1] ?? found[2]), maxWaitSeconds);
    if (/^\s*wait\s*(?:[=;]|$)/i.test(preference)) return 0;
  }
  return 0;
}
