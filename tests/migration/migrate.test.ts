import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { type Db, MongoClient } from 'mongodb';
import { adoptionTables, openCollections } from '../../server/areas.js';
import { adoptJobs } from '../../server/job/adopt-jobs.js';
import { migrate } from '../../server/migration/migrate.js';
import { surveyDatabase } from '../../server/migration/survey.js';
import { readCsfleVectors } from '../support/csfle-vectors.js';
import { buildPeerDatabase, type PeerDatabase } from '../support/peer-database.js';
import { testMongodbUri } from '../support/start-server.js';

async function openPeerDatabase(t: ExecutionContext): Promise<{ db: Db; peer: PeerDatabase }> {
  const client = new MongoClient(testMongodbUri());
  const db = client.db(`test_${randomBytes(8).toString('hex')}`);
  t.teardown(async () => {
    if (t.passed) await db.dropDatabase();
    await client.close();
  });
  return { db, peer: await buildPeerDatabase(db) };
}

/** Reads every document and every index of every collection. */
async function snapshot(db: Db): Promise<Record<string, unknown>> {
  const names = (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name).sort();
  const entries = names.map(async (name) => {
    const collection = db.collection(name);
    return [
      name,
      { documents: await collection.find().sort({ _id: 1 }).toArray(), indexes: await collection.indexes() },
    ];
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<string, unknown>;
}

test('doctor reports its findings by collection, and writes nothing', async (t) => {
  const { db, peer } = await openPeerDatabase(t);
  const before = await snapshot(db);
  const findings = new Map(
    (await surveyDatabase(db, adoptionTables)).map((finding) => [finding.collection, finding]),
  );
  t.deepEqual(await snapshot(db), before);
  t.is(findings.get('jobs')?.documents, 5);
  t.true(findings.get('jobs')?.changes.some((change) => change.startsWith('5 would be marked')));
  t.true(findings.get('jobs')?.notes.some((note) => note.includes(peer.doubleId)));
  t.true(findings.get('refresh_tokens')?.notes.some((note) => note.startsWith('2 are stored in plain text')));
  t.deepEqual(findings.get('client_permissions')?.notes, [
    'share one secrets namespace: manager@example.com, manager_at_example.com',
  ]);
  t.deepEqual(findings.get('queue_wait_times')?.changes.slice(0, 1), [
    '1 queues will keep only their newest 1,000 wait times from their next claim on',
  ]);
  t.deepEqual(
    [...findings.values()].flatMap(({ problems }) => problems),
    [],
  );
});

test('doctor reports data that cannot be read', async (t) => {
  const { db } = await openPeerDatabase(t);
  await db
    .collection('jobs')
    .insertOne({ job_id: 'x', created_at: 'yesterday', job_data: { job_queue: 'q' } });
  await db.collection('client_permissions').insertOne({ client_id: 'broken', client_secret_hash: 'no hash' });
  await db.collection('fs.chunks').deleteMany({});
  const [sealed] = readCsfleVectors().secrets;
  const secrets = db.collection('secrets.lab-ci');
  await secrets.insertMany([
    { key: 'clear', value: 'a text' },
    { key: 'sealed', value: sealed?.value },
  ]);
  const findings = await surveyDatabase(db, adoptionTables);
  const problems = findings.flatMap((finding) => finding.problems);
  t.is(problems.length, 4);
  t.true(problems.some((problem) => problem.startsWith('the secret clear is not encrypted')));
  const notes = findings.find((finding) => finding.collection === 'secrets.lab-ci')?.notes;
  t.deepEqual(notes, ['1 data keys are not in this key vault: see TESTFLINGER_KEY_VAULT_URI']);
  t.true(problems.some((problem) => problem.startsWith('1 have no valid job_id')));
  t.true(problems.some((problem) => problem.includes('client broken')));
  t.true(problems.some((problem) => problem.includes('0 of 1 chunks')));
});

test('migrate keeps every document and index of a Testflinger server, and marks duplicates', async (t) => {
  const { db, peer } = await openPeerDatabase(t);
  const before = (await snapshot(db)) as Record<
    string,
    { documents: Record<string, unknown>[]; indexes: { name: string }[] }
  >;
  const migrated = await migrate(db, adoptionTables);
  t.deepEqual(migrated, {
    jobs: { live: 4, superseded: 1 },
    jobIds: { canonical: 0 },
    logs: { live: 2, repeated: 1 },
  });
  const after = (await snapshot(db)) as typeof before;
  for (const [name, { documents, indexes }] of Object.entries(before)) {
    const without = after[name]?.documents.map(({ live: _l, superseded: _s, repeated: _r, ...rest }) => rest);
    t.deepEqual(without, documents, name);
    for (const index of indexes) {
      t.deepEqual(
        after[name]?.indexes.find((other) => other.name === index.name),
        index,
        `${name} ${index.name}`,
      );
    }
  }
  const doubles = after.jobs?.documents.filter((job) => job.job_id === peer.doubleId);
  t.deepEqual(
    doubles?.map(({ result_data, live, superseded }) => [
      (result_data as { job_state: string }).job_state,
      live,
      superseded,
    ]),
    [
      ['complete', undefined, true],
      ['waiting', true, undefined],
    ],
  );
});

test('migrate has the same result when it runs again, or after it was interrupted', async (t) => {
  const { db } = await openPeerDatabase(t);
  const { jobs } = openCollections(db);
  const [first] = await jobs.find().sort({ _id: 1 }).limit(1).toArray();
  await jobs.updateOne({ _id: first?._id as never }, { $set: { live: true } });
  await migrate(db, adoptionTables);
  const once = await snapshot(db);
  t.deepEqual(await migrate(db, adoptionTables), {
    jobs: { live: 0, superseded: 0 },
    jobIds: { canonical: 0 },
    logs: { live: 0, repeated: 0 },
  });
  t.deepEqual(await snapshot(db), once);
});

test('a document that a Testflinger server stores later under the same id becomes the live one', async (t) => {
  const { db, peer } = await openPeerDatabase(t);
  await migrate(db, adoptionTables);
  const { jobs } = openCollections(db);
  const {
    _id,
    live: _live,
    ...older
  } = (await jobs.findOne({ job_id: peer.completeId })) as never as Record<string, unknown>;
  await db
    .collection('jobs')
    .insertOne({ ...older, created_at: new Date(), result_data: { job_state: 'waiting' } });
  t.deepEqual(await adoptJobs(jobs), { live: 1, superseded: 1 });
  const states = await jobs.find({ job_id: peer.completeId }).sort({ created_at: 1 }).toArray();
  t.deepEqual(
    states.map((job) => [job.result_data.job_state, job.live]),
    [
      ['complete', undefined as never],
      ['waiting', true],
    ],
  );
});

test('thousands of jobs are adopted in batches', async (t) => {
  const { db } = await openPeerDatabase(t);
  const created_at = new Date();
  const many = Array.from({ length: 2500 }, (_, n) => ({
    job_id: `job ${n}`,
    created_at,
    job_data: { job_queue: 'q' },
  }));
  await db.collection('jobs').insertMany(many);
  const progress: number[] = [];
  const { live } = await adoptJobs(openCollections(db).jobs, (looked) => progress.push(looked));
  t.is(live, 2504);
  t.deepEqual(progress, [1000, 2000, 2505]);
});

test('--finish replaces refresh tokens in plain text by digests, once', async (t) => {
  const { db } = await openPeerDatabase(t);
  t.is((await migrate(db, adoptionTables, { finish: true })).hashedTokens, 2);
  const tokens = await db.collection('refresh_tokens').distinct('refresh_token');
  t.true(tokens.every((token) => /^sha256:[0-9a-f]{64}$/.test(token as string)));
  t.is((await migrate(db, adoptionTables, { finish: true })).hashedTokens, 0);
});
