import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import busboy from 'busboy';
import { z } from 'zod';
import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import { hasBody } from './body-time.js';
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

/** Milliseconds without a byte after which an upload is aborted; its total time has no limit. */
const maxIdleMs = 120_000;

/**
 * Returns the body of a request, for its handler to open: a handler that refuses the request need not receive the file.
 * @param onOpen is called when the body is opened
 */
export function deferUpload(request: IncomingMessage, limit: number, onOpen: () => void): DeferredUpload {
  const transfer = new EventEmitter();
  let upload: OpenUpload | undefined;
  return {
    isEmpty: !hasBody(request),
    async open() {
      onOpen();
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
  // Node resets the timeout at the connection's next request.
  request.socket.setTimeout(maxIdleMs);
  if (Number(request.headers['content-length'] ?? 0) > limit) {
    request.resume();
    throw new ApiError(commonErrors.payloadTooLarge);
  }
  const parser = createParser(request);
  let found: Readable | undefined;
  const file = new Promise<Readable>((resolve) => {
    parser.on('file', (name, stream) => {
      stream.on('error', () => undefined);
      if (name !== 'file' || found !== undefined) return void stream.resume();
      found = stream;
      resolve(stream);
    });
  });
  const parsed = parseBody(request, parser, limit);
  const ended = parsed.catch(() => undefined);
  const first = await Promise.race([file, parsed]);
  if (first === undefined) throw new ApiError(commonErrors.badRequest);
  return { file: readFile(first, parsed), ended, discard: () => first.resume() };
}

function createParser(request: IncomingMessage): busboy.Busboy {
  try {
    // A part without a file name is a field, which the parser holds in memory although nothing reads it.
    const parser = busboy({ headers: request.headers, limits: { fields: 100, fieldSize: 1024 } });
    return parser.on('error', () => undefined);
  } catch (cause) {
    request.resume();
    throw new ApiError(commonErrors.badRequest, { cause });
  }
}

/** Writes the body to the parser, at the parser's pace. It does not use `pipeline`, which would destroy the connection. */
async function parseBody(request: IncomingMessage, parser: busboy.Busboy, limit: number): Promise<undefined> {
  let length = 0;
  try {
    for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += piece.length;
      if (length > limit) throw new ApiError(commonErrors.payloadTooLarge);
      await new Promise<void>((done, failed) => {
        parser.write(piece, (error) => (error ? failed(error) : done()));
      });
    }
    await new Promise<void>((done, failed) => {
      parser.once('error', failed).end(done);
    });
  } catch (cause) {
    const error = cause instanceof ApiError ? cause : new ApiError(commonErrors.badRequest, { cause });
    parser.destroy(error);
    request.resume();
    throw error;
  }
}

/** Yields the file's bytes, and throws at the end unless the whole body was received. */
async function* readFile(file: Readable, parsed: Promise<void>): AsyncGenerator<Uint8Array> {
  try {
    yield* file.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  } catch (cause) {
    throw cause instanceof ApiError ? cause : new ApiError(commonErrors.badRequest, { cause });
  }
  await parsed;
}
