/**
 * The fields that a job is looked up by, in this order: nearly every stored id is canonical. The second one is read unless
 * the first one finds a live document.
 */
export const idFields = ['job_id', 'canonical_id'] as const;

/** Returns the canonical form of a stored job id if it differs from the stored one. */
export function readOtherCanonicalId(stored: unknown): string | undefined {
  const canonical = typeof stored === 'string' ? readJobId(stored) : undefined;
  return canonical === stored ? undefined : canonical;
}

/**
 * Converts a job id to its canonical form. Accepts a UUID in canonical or 32-hex form, in any case, also in `{...}` or
 * after `urn:uuid:`. Returns `undefined` for any other text.
 */
export function readJobId(text: string): string | undefined {
  const bare = text.replace(/^urn:uuid:/i, '').replace(/^\{(.*)\}$/s, '$1');
  const match = /^([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})$/i.exec(bare);
  const dashes = bare.split('-').length - 1;
  if (match === null || (dashes !== 0 && dashes !== 4)) return undefined;
  return match.slice(1).join('-').toLowerCase();
}
