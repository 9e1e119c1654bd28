import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { multipart } from './uploads.js';

const mebibyte = 1024 * 1024;

/** Makes an upload of `mib` MiB that is generated while it is sent. Call `digest` once the whole body is sent. */
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
      // Copy the block, since the socket can keep a reference to it.
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

/** Returns the digest of a stream, without holding all of it in memory. */
export async function digestStream(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of stream) hash.update(part);
  return hash.digest('hex');
}

/** Returns the peak memory of a process, in MiB (Linux). */
export function readPeakMemory(pid: number): number {
  return readStatus(pid, 'VmHWM');
}

/** Returns the current memory of a process, in MiB (Linux). */
export function readMemory(pid: number): number {
  return readStatus(pid, 'VmRSS');
}

function readStatus(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024);
}
