import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import { MultipartReader, readBoundary } from './multipart-reader.js';

/** A file that is being received. */
export interface Upload {
  /** The bytes as they arrive. @throws ApiError 400 when the body is malformed or incomplete, 413 when it is too long */
  file: AsyncIterable<Uint8Array>;
}

/** An upload whose request is still running. */
export interface OpenUpload extends Upload {
  /** Resolves when the body ends, complete or not. */
  ended: Promise<void>;
  /** Reads and drops the rest of the file, so that the client can finish sending and then read the response. */
  discard(): void;
}

/** The body of a route that takes a file: multipart/form-data with a field `file` (v1 contract, section 2). */
export const uploadSchema = z.unknown().meta({
  type: 'object',
  required: ['file'],
  properties: { file: { type: 'string', contentMediaType: 'application/octet-stream' } },
}) as unknown as z.ZodType<Upload>;

/** Milliseconds without a byte after which an upload is aborted; its total time has no limit. */
const maxIdleMs = 120_000;

/**
 * Reads a body up to the first byte of its field `file`.
 * @param limit bytes of the whole body
 * @throws ApiError 413 over the limit (at once when the length is known), 400 for a body that is not multipart or has no
 * such file
 */
export async function openUpload(request: IncomingMessage, limit: number): Promise<OpenUpload> {
  // Node resets the timeout at the connection's next request.
  request.socket.setTimeout(maxIdleMs);
  const ended = new Promise<void>((done) => {
    request.once('end', done).once('close', done);
  });
  let reader: MultipartReader | undefined;
  // The client can then finish sending and read the response.
  const discard = async () => {
    await reader?.close().catch(() => undefined);
    request.resume();
  };
  try {
    const boundary = readBoundary(request.headers['content-type']);
    if (Number(request.headers['content-length'] ?? 0) > limit)
      throw new ApiError(commonErrors.payloadTooLarge);
    if (boundary === undefined) throw new ApiError(commonErrors.badRequest);
    reader = new MultipartReader(readPieces(request, limit), boundary);
    for (let part = await reader.next(); part !== undefined; part = await reader.next()) {
      if (part.name !== 'file' || !part.isFile) continue;
      return { file: readFile(reader), ended, discard: () => void discard() };
    }
    throw new ApiError(commonErrors.badRequest);
  } catch (error) {
    void discard();
    throw error;
  }
}

/** Yields a body's bytes as they arrive. It does not close the connection when it ends early. */
async function* readPieces(request: IncomingMessage, limit: number): AsyncGenerator<Buffer> {
  let length = 0;
  try {
    for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += piece.length;
      if (length > limit) throw new ApiError(commonErrors.payloadTooLarge);
      yield piece;
    }
  } catch (cause) {
    throw cause instanceof ApiError ? cause : new ApiError(commonErrors.badRequest, { cause });
  }
}

/** Yields the file's bytes, and throws at the end unless the whole body was received. */
async function* readFile(reader: MultipartReader): AsyncGenerator<Uint8Array> {
  yield* reader.readContent();
  while ((await reader.next()) !== undefined);
  await reader.end();
}
