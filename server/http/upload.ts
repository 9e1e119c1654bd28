import { commonErrors } from '../errors/common-errors.js';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import busboy from 'busboy';
import { z } from 'zod';
import { ApiError } from '../errors/api-error.js';

/** A file that is being received: its bytes, as they come. */
export interface Upload {
  /** @throws ApiError 400 when the body is broken or cut, 413 when it gets too long */
  file: AsyncIterable<Uint8Array>;
}

/** An upload while its request lasts. */
export interface OpenUpload extends Upload {
  /** Resolves when the body has come to its end, whole or not. */
  ended: Promise<void>;
  /** Lets what nobody reads any more pass, so that the client can send it and then find its answer. */
  discard(): void;
}

/** The body of a route that takes a file: multipart/form-data with a field `file` (v1 contract, section 2). */
export const uploadSchema = z.unknown().meta({
  type: 'object',
  required: ['file'],
  properties: { file: { type: 'string', contentMediaType: 'application/octet-stream' } },
}) as unknown as z.ZodType<Upload>;

/** Milliseconds without a byte after which an upload is cut; it may take as long as it likes otherwise. */
const idleMs = 120_000;

/**
 * Reads a body up to the first byte of its field `file`.
 * @param limit bytes of the whole body
 * @throws ApiError 413 over the limit (at once when the length is told), 400 for what is no multipart body or has no
 * such file
 */
export async function openUpload(request: IncomingMessage, limit: number): Promise<OpenUpload> {
  // Node sets it back with the next request of the connection.
  request.socket.setTimeout(idleMs);
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
    // A part without a file name is a field: of those only so much is kept as is under way.
    const parser = busboy({ headers: request.headers, limits: { fields: 100, fieldSize: 1024 } });
    return parser.on('error', () => undefined);
  } catch (cause) {
    request.resume();
    throw new ApiError(commonErrors.badRequest, { cause });
  }
}

/** Passes the body on, piece by piece as the parser takes it. Not by `pipeline`, which would destroy the connection. */
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

/** Ends well only when the whole body has come well to its end. */
async function* readFile(file: Readable, parsed: Promise<void>): AsyncGenerator<Uint8Array> {
  try {
    yield* file.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  } catch (cause) {
    throw cause instanceof ApiError ? cause : new ApiError(commonErrors.badRequest, { cause });
  }
  await parsed;
}
