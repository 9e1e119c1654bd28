/** Returns whether an `If-None-Match` header names the entity tag, by weak comparison (RFC 9110 section 13.1.2). */
export function matchesEntityTag(header: string | undefined, etag: string): boolean {
  const tags = (header ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}
