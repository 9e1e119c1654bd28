import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { multipart } from './uploads.js';

const mebibyte = 1024 * 1024;

/** The body of an upload of so many MiB, made while it is sent, with its headers; `digest` is right once it is sent. */
export function largeUpload(mib: number): {
  body: Readable;
  headers: Record<string, string>;
  digest: () => string;
} {
  const hash = createHash('sha256');
  const block = Buffer.alloc(mebibyte, 'queuepass ');
  async function* parts(): AsyncGenerator<Buffer> {
    yield Buffer.from(multipart.head);
    for (let n = 0; n < mib; n += 1) {
      // A copy, since the socket may hold it for a while.
      const part = Buffer.from(block);
      part.writeUInt32LE(n);
      hash.update(part);
      yield part;
    }
    yield Buffer.from(multipart.tail);
  }
  const length = multipart.head.length + mib * mebibyte + multipart.tail.length;
  return {
    body: Readable.from(parts(), { objectMode: false }),
    headers: { 'content-type': multipart.type, 'content-length': String(length) },
    digest: () => hash.digest('hex'),
  };
}

/** The digest of what a stream gives, held piece by piece. */
export async function digestStream(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of stream) hash.update(part);
  return hash.digest('hex');
}

/** The most memory that a process has had, in MiB (Linux). */
export function readPeakMemory(pid: number): number {
  return readStatus(pid, 'VmHWM');
}

/** The memory that a process has now, in MiB (Linux). */
export function readMemory(pid: number): number {
  return readStatus(pid, 'VmRSS');
}

function readStatus(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024);
}
