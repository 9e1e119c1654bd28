import test from 'ava';
import type { Collection, IndexDescriptionInfo } from 'mongodb';
import { type Collections, indexTable, openCollections } from '../../server/areas.js';
import { dropReplacedIndexes, ensureIndexes } from '../../server/db/indexes.js';
import { startServer, type TestServer } from '../support/start-server.js';

/** Name, keys and options of the indexes of one collection, without the `_id_` index that MongoDB creates itself. */
async function live({ deps }: TestServer, name: keyof Collections): Promise<unknown[]> {
  const collection = deps.collections[name] as unknown as Collection;
  const found: IndexDescriptionInfo[] = await collection.indexes().catch(() => []);
  return found
    .filter((index) => index.name !== '_id_')
    .map(({ v: _version, key, ...rest }) => ({ ...rest, key: Object.entries(key) }))
    .sort((a, b) => String(a['name']).localeCompare(String(b['name'])));
}

function wanted(name: keyof Collections): unknown[] {
  return indexTable
    .filter((row) => row.collection === name)
    .map((row) => ({ name: row.name, ...row.options, key: Object.entries(row.keys) }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

const names = (server: TestServer) => Object.keys(server.deps.collections) as (keyof Collections)[];

test('a first start on a fresh database creates the indexes of the table, and a second start changes none', async (t) => {
  const server = await startServer(t, { newDatabase: true });
  for (const name of names(server)) t.deepEqual(await live(server, name), wanted(name), name);
  await ensureIndexes(server.deps.connection.db, indexTable);
  for (const name of names(server)) t.deepEqual(await live(server, name), wanted(name), name);
});

test('no index name of the table can be a name of a Testflinger server, and each index states its purpose', (t) => {
  for (const row of indexTable) {
    t.regex(row.name, /^qp_[a-z_]+$/);
    t.true(row.serves.length > 10, row.name);
    if (row.options?.expireAfterSeconds !== undefined) t.is(Object.keys(row.keys).length, 1, row.name);
  }
  const ids = indexTable.map((row) => `${row.collection}.${row.name}`);
  t.is(new Set(ids).size, ids.length);
});

test('indexes of a Testflinger server are not changed, and only missing indexes are created', async (t) => {
  const server = await startServer(t);
  const { connection } = server.deps;
  const db = connection.client.db(`${connection.db.databaseName}_peer`);
  const day = 24 * 3600;
  const theirs: [collection: string, keys: Record<string, 1 | -1>, options: object][] = [
    ['client_permissions', { client_id: 1 }, { unique: true }],
    ['jobs', { created_at: 1 }, { expireAfterSeconds: 7 * day }],
    ['jobs', { job_id: 1 }, {}],
    ['jobs', { 'result_data.job_state': 1, 'job_data.job_queue': 1 }, {}],
    ['agents', { updated_at: 1 }, { expireAfterSeconds: 7 * day }],
    // An operator changed its expiry time.
    ['refresh_tokens', { last_accessed: 1 }, { expireAfterSeconds: 30 * day }],
    // The same keys, but not unique, so it cannot replace the index of the table.
    ['agents', { name: 1 }, {}],
  ];
  for (const [collection, keys, options] of theirs)
    await db.collection(collection).createIndex(keys, options);
  const peer: TestServer = { ...server, deps: { ...server.deps, collections: openCollections(db) } };
  const before = new Map<string, unknown[]>();
  for (const name of names(peer)) before.set(name, await live(peer, name));
  await ensureIndexes(db, indexTable);
  await ensureIndexes(db, indexTable);
  const made: string[] = [];
  for (const name of names(peer)) {
    const after = (await live(peer, name)) as { name: string }[];
    const ours = after.filter((index) => index.name.startsWith('qp_'));
    t.deepEqual(
      after.filter((index) => !ours.includes(index)),
      before.get(name) as object[],
      name,
    );
    made.push(...ours.map((index) => `${name}.${index.name}`));
  }
  const used = [
    'clients.qp_client_id',
    'jobs.qp_expiry',
    'jobs.qp_job_id',
    'agents.qp_expiry',
    'refreshTokens.qp_idle',
  ];
  const expected = indexTable
    .map((row) => `${row.collection}.${row.name}`)
    .filter((row) => !used.includes(row));
  t.deepEqual(made.sort(), expected.sort());
  await db.dropDatabase();
});

test('two jobs with the same id in an older database do not prevent the start', async (t) => {
  const server = await startServer(t);
  const { connection } = server.deps;
  const db = connection.client.db(`${connection.db.databaseName}_double`);
  await db.collection('jobs').insertMany([{ job_id: 'a' }, { job_id: 'a' }]);
  await t.notThrowsAsync(ensureIndexes(db, indexTable));
  const live = db.collection('jobs').insertMany([
    { job_id: 'b', live: true },
    { job_id: 'b', live: true },
  ]);
  await t.throwsAsync(live, { message: /duplicate key/ });
  await db.dropDatabase();
});

test('an index that replaces another one drops it once it stands, and only an index of our own', async (t) => {
  const { deps } = await startServer(t);
  const db = deps.connection.client.db(`${deps.connection.db.databaseName}_replaced`);
  const things = db.collection('things');
  await things.createIndex({ a: 1 }, { name: 'qp_old' });
  await things.createIndex({ b: 1 }, { name: 'theirs_1' });
  const row = {
    collection: 'things',
    collectionName: 'things',
    name: 'qp_new',
    keys: { a: 1, b: 1 },
    serves: 'a test',
    replaces: ['qp_old', 'theirs_1', 'qp_never_made'],
  } as const;
  t.deepEqual(await dropReplacedIndexes(db, [row]), [], 'the new index does not stand yet');
  await ensureIndexes(db, [row]);
  t.deepEqual(await dropReplacedIndexes(db, [row]), ['things.qp_old']);
  const names = (await things.indexes()).map(({ name }) => name);
  t.deepEqual(names.sort(), ['_id_', 'qp_new', 'theirs_1']);
  await db.dropDatabase();
});
