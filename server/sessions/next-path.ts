/** An origin that no path leads away from. */
const here = 'http://here';

/**
 * Reads the page to go to after sign-in: a path on this server, with or without the base path. Anything else, such as a URL of
 * another host in one of its spellings, is the start page.
 */
export function readNextPath(next: string | undefined, basePath: string): string {
  const start = `${basePath}/`;
  if (next === undefined || !/^\/(?![/\\])[^\x00-\x1f\x7f]*$/.test(next) || !URL.canParse(next, here))
    return start;
  const { origin, pathname, search, hash } = new URL(next, here);
  // Dots and backslashes can turn into a second slash.
  if (origin !== here || pathname.startsWith('//')) return start;
  const path = pathname + search + hash;
  return pathname === basePath || pathname.startsWith(start) ? path : basePath + path;
}
