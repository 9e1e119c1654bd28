import { connect } from 'node:net';
import type { TestServer } from './start-server.js';

/** A response as it was received. */
export interface RawAnswer {
  status: number;
  /** With names in lower case. */
  headers: Record<string, string>;
  body: string;
}

/**
 * Sends a request byte for byte, including errors that `fetch` would correct, and reads the first response. It writes
 * `body` until the server responds, so the body can be longer than the server accepts.
 */
export async function rawRequest(
  { url }: TestServer,
  lines: readonly string[],
  body: Iterable<string | Uint8Array> = [],
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const pieces: Buffer[] = [];
  let ended: Error | true | undefined;
  socket.on('data', (piece) => void pieces.push(piece));
  socket.on('error', (error) => (ended ??= error));
  socket.on('close', () => (ended ??= true));
  socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const writing = body[Symbol.iterator]();
  for (;;) {
    const answer = readAnswer(Buffer.concat(pieces), lines[0]?.startsWith('HEAD ') === true);
    if (answer !== undefined || ended !== undefined) {
      socket.destroy();
      if (answer !== undefined) return answer;
      throw ended instanceof Error ? ended : new Error('the connection ended without a response');
    }
    const next = socket.writable && !socket.writableNeedDrain ? writing.next() : undefined;
    if (next?.done === false) socket.write(next.value);
    await new Promise((done) => setTimeout(done, next?.done === false ? 0 : 5));
  }
}

function readAnswer(bytes: Buffer, isHead: boolean): RawAnswer | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [first = '', ...rest] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = Object.fromEntries(
    rest.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
  const body = bytes.subarray(end + 4);
  const length = Number(headers['content-length'] ?? 0);
  if (body.length < length && !isHead) return undefined;
  return { status: Number(first.split(' ')[1]), headers, body: body.toString() };
}
