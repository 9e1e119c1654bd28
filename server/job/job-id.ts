/**
 * Matches documents whose stored id is another form of one of some canonical ids. A Testflinger server stores an id as it was
 * sent; `canonical_id` is added when the database is adopted and at the claim, and finds every form. Before that, a form
 * whose letters are of one case is found.
 */
export function filterOtherForms(jobIds: readonly string[]): object {
  return {
    $or: [{ canonical_id: { $in: jobIds } }, { job_id: { $in: jobIds.flatMap(listOtherForms) } }],
  };
}

function listOtherForms(canonical: string): string[] {
  const bare = canonical.replaceAll('-', '');
  return [canonical, canonical.toUpperCase(), bare, bare.toUpperCase()]
    .flatMap((form) => [form, `{${form}}`, `urn:uuid:${form}`])
    .filter((form) => form !== canonical);
}

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
