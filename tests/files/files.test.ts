import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import test, { type ExecutionContext } from 'ava';
import { GridFSBucket } from 'mongodb';
import { downloadFile } from '../../server/files/download-file.js';
import { findFile, keepOneFile } from '../../server/files/files.js';
import { uploadFile } from '../../server/files/upload-file.js';
import { startServer } from '../support/start-server.js';
import { clockOf } from '../support/tokens.js';
import { countFiles, digest, makeBytes, waitForFiles } from '../support/uploads.js';

const chunk = 255 * 1024;

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function startFiles(t: ExecutionContext) {
  const server = await startServer(t);
  const bucket = new GridFSBucket(server.deps.connection.db);
  return { server, bucket, deps: server.deps };
}

test('files with lengths around a chunk and a batch are read back unchanged by the driver and by our code', async (t) => {
  const { server, bucket, deps } = await startFiles(t);
  const lengths = [
    0,
    1,
    chunk - 1,
    chunk,
    chunk + 1,
    16 * chunk - 1,
    16 * chunk,
    16 * chunk + 1,
    40 * chunk + 7,
  ];
  for (const length of lengths) {
    const bytes = makeBytes(length);
    const file = await uploadFile(deps, `f${length}`, inPieces(bytes, 64 * 1024));
    t.is(file.length, length);
    t.is(file.chunkSize, chunk);
    t.is(digest(await buffer(bucket.openDownloadStreamByName(`f${length}`))), digest(bytes));
    t.is(digest(await buffer(downloadFile(deps, file))), digest(bytes));
  }
  const chunks = lengths.reduce((sum, length) => sum + Math.ceil(length / chunk), 0);
  t.deepEqual(await countFiles(server), [lengths.length, chunks]);
});

test('pieces of any size make the same file', async (t) => {
  const { deps } = await startFiles(t);
  const bytes = makeBytes(2 * chunk + 5);
  for (const size of [97, 8 * 1024, 8 * 1024 + 1, chunk - 1, chunk + 1]) {
    const file = await uploadFile(deps, `p${size}`, inPieces(bytes, size));
    t.is(digest(await buffer(downloadFile(deps, file))), digest(bytes), `${size}`);
  }
});

test('a piece larger than a batch is stored whole', async (t) => {
  const { deps } = await startFiles(t);
  const bytes = makeBytes(10_000_001);
  const file = await uploadFile(deps, 'f', inPieces(bytes, bytes.length));
  t.is(digest(await buffer(downloadFile(deps, file))), digest(bytes));
});

test('a file that the driver stored with another chunk size can be read', async (t) => {
  const { bucket, deps } = await startFiles(t);
  const bytes = makeBytes(1_000_000);
  await pipeline(Readable.from([bytes]), bucket.openUploadStream('f', { chunkSizeBytes: 50_000 }));
  const file = await findFile(deps, 'f');
  t.is(file?.chunkSize, 50_000);
  t.is(digest(await buffer(downloadFile(deps, file as never))), digest(bytes));
  const part = await buffer(downloadFile(deps, file as never, { start: 99_999, end: 150_001 }));
  t.is(digest(part), digest(bytes.subarray(99_999, 150_001)));
});

test('every chunk has an upload date by which it expires, later than that of its file', async (t) => {
  const { deps } = await startFiles(t);
  const file = await uploadFile(deps, 'f', inPieces(makeBytes(3 * chunk), chunk));
  const chunks = await deps.collections.fileChunks.find().sort({ n: 1 }).toArray();
  t.is(chunks.length, 3);
  for (const { uploadDate } of chunks) t.true((uploadDate as Date) > file.uploadDate);
  const expiring = async (name: 'files' | 'fileChunks') =>
    (await deps.collections[name].indexes()).filter(
      ({ expireAfterSeconds }) => expireAfterSeconds === 604_800,
    );
  t.deepEqual(
    (await expiring('files')).map(({ key }) => key),
    [{ uploadDate: 1 }],
  );
  t.deepEqual(
    (await expiring('fileChunks')).map(({ key }) => key),
    [{ uploadDate: 1 }],
  );
});

test('a file cannot be found before its upload is complete, and a failed source leaves nothing behind', async (t) => {
  const { server, deps } = await startFiles(t);
  let seen: unknown[] = [];
  async function* failing(): AsyncGenerator<Buffer> {
    yield makeBytes(40 * chunk);
    seen = [await findFile(deps, 'f'), (await deps.collections.fileChunks.countDocuments()) > 0];
    throw new Error('the source ends');
  }
  await t.throwsAsync(uploadFile(deps, 'f', failing()), { message: 'the source ends' });
  t.deepEqual(seen, [undefined, true]);
  await waitForFiles(server, 0, 0);
});

test('a chunk that cannot be stored fails the upload, and the stored chunks are deleted', async (t) => {
  const { server, deps } = await startFiles(t);
  const { db } = deps.connection;
  await db.command({ collMod: 'fs.chunks', validator: { n: { $lt: 20 } } });
  await t.throwsAsync(uploadFile(deps, 'f', inPieces(makeBytes(60 * chunk), chunk)));
  await waitForFiles(server, 0, 0);
});

test('a later upload under a name is the newest even if clocks stop or go backwards', async (t) => {
  const { deps } = await startFiles(t);
  const times = [50_000, 50_000, 10_000].map((ms) => ({ ...deps, clock: clockOf(() => new Date(ms)) }));
  for (const [n, at] of times.entries()) {
    const file = await uploadFile(at, 'f', inPieces(Buffer.from(`upload ${n}`), 100));
    t.true((await findFile(deps, 'f'))?._id.equals(file._id));
  }
});

test('of several files with one name the newest is kept, or the given one', async (t) => {
  const { server, deps } = await startFiles(t);
  const store = (text: string) => uploadFile(deps, 'f', inPieces(Buffer.from(text), 100));
  const files = [await store('one'), await store('two'), await store('three')];
  await Promise.all([keepOneFile(deps, 'f'), keepOneFile(deps, 'f'), keepOneFile(deps, 'f')]);
  await waitForFiles(server, 1, 1);
  t.true((await findFile(deps, 'f'))?._id.equals(files[2]?._id));
  const kept = await store('four');
  await store('five');
  await keepOneFile(deps, 'f', kept._id);
  await waitForFiles(server, 1, 1);
  t.true((await findFile(deps, 'f'))?._id.equals(kept._id));
});
