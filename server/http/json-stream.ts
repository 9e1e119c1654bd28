import { Readable } from 'node:stream';
import { writeJson } from './exact-json.js';
import type { Reply } from './reply.js';

/** Minimum characters of each chunk but the last; a shorter response is sent at once, with its length. */
const minChunkChars = 16 * 1024;

/**
 * Returns a JSON response with status 200, made from pieces of JSON text. A long response is streamed and never held in
 * memory as a whole: the next piece is read when the client has received the earlier ones, and the iterator is closed
 * when the client disconnects. Escape each text with `JSON.stringify`, so that a surrogate pair can be split between
 * two pieces.
 * @throws what `pieces` throws before the first chunk is complete; a later error closes the connection
 */
export async function streamJson(pieces: AsyncIterable<string>): Promise<Reply> {
  const chunks = gather(pieces);
  const first = await chunks.next();
  const reply = { status: 200, type: 'application/json' } as const;
  if (first.done || first.value.length < minChunkChars) {
    await chunks.return(undefined);
    return { ...reply, body: first.value ?? '' };
  }
  const stream = Readable.from(prepend(first.value, chunks), { objectMode: false, highWaterMark: 1 });
  // A stream that nobody reads, as with HEAD, never starts its generator and would leave a cursor open.
  stream.once('close', () => void chunks.return(undefined).catch(() => undefined));
  return { ...reply, stream };
}

/** Yields the text of a JSON list, one piece for each item. */
export async function* jsonListPieces(items: AsyncIterable<unknown>): AsyncGenerator<string> {
  let before = '[';
  for await (const item of items) {
    yield before + writeJson(item);
    before = ',';
  }
  yield before === '[' ? '[]' : ']';
}

/** Joins pieces into chunks; every chunk but the last has `minChunkChars` or more. */
async function* gather(pieces: AsyncIterable<string>): AsyncGenerator<string, undefined> {
  let gathered = '';
  for await (const piece of pieces) {
    gathered += piece;
    if (gathered.length < minChunkChars) continue;
    const chunk = gathered;
    gathered = '';
    yield chunk;
  }
  if (gathered !== '') yield gathered;
  return undefined;
}

async function* prepend(first: string, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  yield first;
  yield* rest;
}
