import { ApiError } from '../errors/api-error.js';
import type { StoredFile } from '../files/collections.js';
import { downloadFile } from '../files/download-file.js';
import type { FileServices } from '../files/services.js';
import { readByteRange } from './byte-range.js';
import { matchesEntityTag } from './entity-tag.js';
import { httpErrors } from './errors.js';
import type { Reply } from './reply.js';
import type { RouteRequest } from './route.js';

/** Returns a response that streams a stored file, with its length and the given headers. */
export function presentWholeFile(
  deps: Pick<FileServices, 'collections'>,
  file: StoredFile,
  type: NonNullable<Reply['type']>,
  headers: Record<string, string> = {},
): Reply {
  return {
    status: 200,
    stream: downloadFile(deps, file),
    type,
    headers: { ...headers, 'Content-Length': String(file.length) },
  };
}

/**
 * Returns a response with a stored file or the requested part of it, and an `ETag` that no other file has (RFC 9110
 * sections 13 and 14).
 * @throws ApiError 416 for a part outside the file
 */
export function presentFile(
  deps: Pick<FileServices, 'collections'>,
  file: StoredFile,
  type: NonNullable<Reply['type']>,
  { header }: Pick<RouteRequest, 'header'>,
): Reply {
  const etag = `"${file._id.toHexString()}"`;
  const headers = { ETag: etag, 'Accept-Ranges': 'bytes' };
  if (matchesEntityTag(header('if-none-match'), etag)) return { status: 304, headers };
  const ifRange = header('if-range');
  const wanted = ifRange === undefined || ifRange === etag ? header('range') : undefined;
  const range = readByteRange(wanted, file.length);
  if (range === undefined) return presentWholeFile(deps, file, type, headers);
  if (range === 'unsatisfiable') {
    throw new ApiError(httpErrors.rangeNotSatisfiable, {
      headers: { ...headers, 'Content-Range': `bytes */${file.length}` },
    });
  }
  return {
    status: 206,
    stream: downloadFile(deps, file, range),
    type,
    headers: {
      ...headers,
      'Content-Range': `bytes ${range.start}-${range.end - 1}/${file.length}`,
      'Content-Length': String(range.end - range.start),
    },
  };
}
