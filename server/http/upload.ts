import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import { hasBody } from './body-time.js';
import { MultipartReader, readBoundary } from './multipart-reader.js';
import type { Pause } from './time-limit.js';

/** A file that is being received. */
export interface Upload {
  /** The bytes as they arrive. @throws ApiError 400 when the body is malformed or incomplete, 413 when it is too long */
  file: AsyncIterable<Uint8Array>;
}

/** An upload whose request is still running. */
interface OpenUpload extends Upload {
  /** Resolves when the body ends, complete or not. */
  ended: Promise<void>;
  /** Reads and drops the rest of the file, so that the client can finish sending and then read the response. */
  discard(): void;
}

/** The body of a request with a file. It is not read before the handler opens it. */
export interface UploadBody {
  /** The request has no body. */
  isEmpty: boolean;
  /** The size of the whole body, if the request announces it; otherwise 0. */
  announcedBytes: number;
  /** Reads up to the first byte of the file. @throws ApiError as `openUpload` does */
  open(): Promise<Upload>;
}

/** An `UploadBody` as the server sees it. */
interface DeferredUpload extends UploadBody, Pick<OpenUpload, 'discard'> {
  /** The time from the opening of the body to its end. */
  transfer: Pause;
}

/** The body of a route that takes a file: multipart/form-data with a field `file` (v1 contract, section 2). */
export const uploadSchema = z.unknown().meta({
  type: 'object',
  required: ['file'],
  properties: { file: { type: 'string', contentMediaType: 'application/octet-stream' } },
}) as unknown as z.ZodType<UploadBody>;

/**
 * Returns the body of a request, for its handler to open: a handler that refuses the request need not receive the file.
 */
export function deferUpload(request: IncomingMessage, limit: number): DeferredUpload {
  const transfer = new EventEmitter();
  let upload: OpenUpload | undefined;
  return {
    isEmpty: !hasBody(request),
    announcedBytes: Number(request.headers['content-length'] ?? 0),
    async open() {
      transfer.emit('start');
      upload = await openUpload(request, limit);
      void upload.ended.then(() => transfer.emit('end'));
      return upload;
    },
    transfer: {
      from: new Promise((resolve) => transfer.once('start', resolve)),
      until: new Promise((resolve) => transfer.once('end', resolve)),
    },
    discard: () => upload?.discard(),
  };
}

/**
 * Reads a body up to the first byte of its field `file`.
 * @param limit bytes of the whole body
 * @throws ApiError 413 over the limit (at once when the length is known), 400 for a body that is not multipart or has no
 * such file
 */
async function openUpload(request: IncomingMessage, limit: number): Promise<OpenUpload> {
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
