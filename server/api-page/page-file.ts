import { readFile } from 'node:fs/promises';
import { sha256 } from '../crypto/digest.js';
import { matchesEntityTag } from '../http/entity-tag.js';
import type { Reply } from '../http/reply.js';
import type { RouteRequest } from '../http/route.js';

/** The bytes of a page or of a file that it loads, with a tag made from them. */
export interface PageFile {
  bytes: Buffer;
  etag: string;
}

/** A page file of these bytes. */
export function createPageFile(bytes: Buffer): PageFile {
  return { bytes, etag: `"${sha256(bytes, 'base64url')}"` };
}

/** Gives what reads a file of the server's own once, when it is first asked for, and keeps it. */
export function createPageFileReader(locate: () => string): () => Promise<PageFile> {
  let reading: Promise<PageFile> | undefined;
  return () => {
    reading ??= readFile(new URL(locate())).then(createPageFile);
    // One that failed is tried again.
    reading.catch(() => (reading = undefined));
    return reading;
  };
}

/** A page file as the answer, which browsers keep and ask after each time, so that all files of a page are of one version. */
export function presentPageFile(
  { bytes, etag }: PageFile,
  type: NonNullable<Reply['type']>,
  { header }: Pick<RouteRequest, 'header'>,
): Reply {
  const headers = { ETag: etag, 'Cache-Control': 'no-cache' };
  if (matchesEntityTag(header('if-none-match'), etag)) return { status: 304, headers };
  return { status: 200, body: bytes, type, headers };
}
