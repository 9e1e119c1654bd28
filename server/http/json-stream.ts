import { Readable } from 'node:stream';
import type { Reply } from './reply.js';

/** Characters that are gathered before they are sent; an answer of fewer goes out whole, with its length. */
const gatheredChars = 64 * 1024;

/**
 * A JSON answer with status 200 from the pieces of its text. A long one is streamed and never held whole: the next
 * piece is asked for when the client has taken what was sent, and the pieces are ended when the client goes.
 * Escape each text with `JSON.stringify`; halves of a surrogate pair in two pieces meet again at the reader.
 * @throws what the pieces throw before the first 64 KiB; later the connection is cut
 */
export async function jsonPieces(pieces: AsyncIterable<string>): Promise<Reply> {
  const chunks = gather(pieces);
  const first = await chunks.next();
  const answer = { status: 200, type: 'application/json' } as const;
  if (first.done || first.value.length < gatheredChars) {
    await chunks.return(undefined);
    return { ...answer, body: first.value ?? '' };
  }
  const stream = Readable.from(startWith(first.value, chunks), { objectMode: false });
  // Also for a stream that nobody read, as with HEAD: its generator never began, so it would leave a cursor open.
  stream.once('close', () => void chunks.return(undefined).catch(() => undefined));
  return { ...answer, stream };
}

/** The items of a JSON list, as the pieces of its text. */
export async function* listPieces(items: AsyncIterable<unknown>): AsyncGenerator<string> {
  let before = '[';
  for await (const item of items) {
    yield before + JSON.stringify(item);
    before = ',';
  }
  yield before === '[' ? '[]' : ']';
}

/** Every chunk but the last one has 64 KiB or more. */
async function* gather(pieces: AsyncIterable<string>): AsyncGenerator<string, undefined> {
  let gathered = '';
  for await (const piece of pieces) {
    gathered += piece;
    if (gathered.length < gatheredChars) continue;
    yield gathered;
    gathered = '';
  }
  if (gathered !== '') yield gathered;
  return undefined;
}

async function* startWith(first: string, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  yield first;
  yield* rest;
}
