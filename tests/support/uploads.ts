import { createHash, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { TestServer } from './start-server.js';

/** Returns the `init` of a request that uploads `bytes` in the multipart field `file`, as the stock clients do. */
export function upload(
  bytes: Uint8Array,
  headers: Record<string, string> = {},
  field = 'file',
): { method: 'POST'; headers: Record<string, string>; body: FormData } {
  const body = new FormData();
  body.set(field, new Blob([new Uint8Array(bytes)], { type: 'application/x-gzip' }), 'file.tar.gz');
  return { method: 'POST', headers, body };
}

/** Makes random bytes, which cannot be compressed. */
export function makeBytes(length: number): Buffer {
  return randomBytes(length);
}

/** Returns a digest, so that a failed comparison of megabytes stays readable. */
export function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The multipart text before and after the bytes of the field `file`. */
export const multipart = {
  type: 'multipart/form-data; boundary=edge',
  head: '--edge\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n',
  tail: '\r\n--edge--\r\n',
};

/** Sends a request over a raw socket, so that a test can cut it. Only the given bytes are sent. */
export async function sendRaw(
  server: TestServer,
  path: string,
  headers: Record<string, string>,
  body: string | Buffer,
): Promise<Socket> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  const lines = Object.entries({ host: '127.0.0.1', ...headers }).map(([name, value]) => `${name}: ${value}`);
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  await new Promise<void>((done, failed) => {
    socket.once('error', failed).write(body, () => done());
  });
  return socket;
}

/** Reads a socket until it is closed. */
export async function readToEnd(socket: Socket): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('latin1');
}

/** Counts the stored files and chunks. */
export async function countFiles({ deps: { collections } }: TestServer): Promise<[number, number]> {
  return Promise.all([collections.files.countDocuments(), collections.fileChunks.countDocuments()]);
}

/** Waits until exactly the given numbers of files and chunks are stored. @throws Error after 30 s. */
export async function waitForFiles(server: TestServer, files: number, chunks: number): Promise<void> {
  for (const until = performance.now() + 30_000; ; await wait(20)) {
    const found = await countFiles(server);
    if (found[0] === files && found[1] === chunks) return;
    if (performance.now() > until) throw new Error(`${found[0]} files and ${found[1]} chunks after 30 s`);
  }
}
