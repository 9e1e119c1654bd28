import { randomBytes } from 'node:crypto';
import test from 'ava';
import { adoptionTables } from '../../server/areas.js';
import { migrate } from '../../server/migration/migrate.js';
import { submit } from '../support/jobs.js';
import { passTime, sendLog, startJob, startLeaseServer } from '../support/leases.js';
import { postFragment, readLog } from '../support/results.js';
import { startServer } from '../support/start-server.js';

test('fragments with one number in two phases are both stored, each once', async (t) => {
  const server = await startServer(t);
  const job = await submit(server);
  for (const phase of ['setup', 'provision', 'setup', 'provision']) {
    const posted = await postFragment(server, job, { phase, log_data: `${phase}\n` });
    t.deepEqual([posted.status, await posted.text()], [200, 'OK']);
  }
  const log = await readLog(server, job);
  t.deepEqual(log.setup, { last_fragment_number: 0, log_data: 'setup\n' });
  t.deepEqual(log.provision, { last_fragment_number: 0, log_data: 'provision\n' });
  t.is(await server.deps.collections.logs.countDocuments({ job_id: job }), 2);
});

test('the fragments of a second attempt follow the highest number of all phases', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  for (const n of [0, 1, 2]) await sendLog(server, 'a', jobId, n, `a setup ${n}\n`, 'setup');
  await sendLog(server, 'a', jobId, 0, 'a test\n', 'test');
  await passTime(server, 900);
  await startJob(server, 'b', jobId);
  await sendLog(server, 'b', jobId, 0, 'b setup\n', 'setup');
  await sendLog(server, 'b', jobId, 0, 'b test\n', 'test');
  const log = await readLog(server, jobId);
  t.deepEqual(log.setup, { last_fragment_number: 4, log_data: 'a setup 0\na setup 1\na setup 2\nb setup\n' });
  t.deepEqual(log.test, {
    last_fragment_number: 4,
    log_data: 'a test\nQueuepass: a was lost, attempt 1 of 2\nb test\n',
  });
});

test('migrate replaces the index of an earlier version, and restores fragments that it marked as repeated', async (t) => {
  const server = await startServer(t);
  const { client } = server.deps.connection;
  const db = client.db(`test_${randomBytes(8).toString('hex')}`);
  t.teardown(() => db.dropDatabase());
  const logs = db.collection('logs');
  await logs.createIndex(
    { job_id: 1, log_type: 1, fragment_number: 1, attempt: 1 },
    { name: 'qp_live_piece', unique: true, partialFilterExpression: { live: true } },
  );
  const piece = {
    job_id: 'j',
    log_type: 'output',
    fragment_number: 0,
    log_data: 'x',
    updated_at: new Date(),
  };
  await logs.insertMany([
    { ...piece, phase: 'setup', live: true },
    { ...piece, phase: 'test', repeated: true },
    { ...piece, phase: 'test', repeated: true },
  ]);
  t.deepEqual((await migrate(db, adoptionTables)).logs, { live: 1, repeated: 0 });
  const marks = await logs.find().sort({ _id: 1 }).toArray();
  t.deepEqual(
    marks.map(({ phase, live, repeated }) => [phase, live, repeated]),
    [
      ['setup', true, undefined],
      ['test', true, undefined],
      ['test', undefined, true],
    ],
  );
  t.deepEqual((await migrate(db, adoptionTables)).logs, { live: 0, repeated: 0 });
  const names = (await logs.indexes()).map(({ name }) => name);
  t.true(names.includes('qp_live_piece_of_phase'));
  t.false(names.includes('qp_live_piece'));
});
