import { readFile } from 'node:fs/promises';
import { sha256 } from '../crypto/digest.js';
import { matchesEntityTag } from '../http/entity-tag.js';
import type { Reply } from '../http/reply.js';
import type { RouteRequest } from '../http/route.js';

/** The bytes of a page or of a file that it loads, with their entity tag. */
export interface PageFile {
  bytes: Buffer;
  etag: string;
}

/** Makes a page file; the entity tag is a digest of the bytes. */
export function createPageFile(bytes: Buffer): PageFile {
  return { bytes, etag: `"${sha256(bytes, 'base64url')}"` };
}

/** Returns a function that reads a file at the first call and returns it from memory afterwards. */
export function createPageFileReader(locate: () => string): () => Promise<PageFile> {
  let reading: Promise<PageFile> | undefined;
  return () => {
    reading ??= readFile(new URL(locate())).then(createPageFile);
    // After a failure, the next call reads the file again.
    reading.catch(() => (reading = undefined));
    return reading;
  };
}

/** Returns a response with a page file; browsers cache it but revalidate it each time, so that a page's files have one version. */
export function presentPageFile(
  { bytes, etag }: PageFile,
  type: NonNullable<Reply['type']>,
  { header }: Pick<RouteRequest, 'header'>,
): Reply {
  const headers = { ETag: etag, 'Cache-Control': 'no-cache' };
  if (matchesEntityTag(header('if-none-match'), etag)) return { status: 304, headers };
  return { status: 200, body: bytes, type, headers };
}
