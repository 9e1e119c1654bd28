import { randomUUID } from 'node:crypto';
import test from 'ava';
import type { ObjectId } from 'mongodb';
import { adoptionTables } from '../../server/areas.js';
import type { JobRecord } from '../../server/job/job-record.js';
import { migrate } from '../../server/migration/migrate.js';
import { surveyDatabase } from '../../server/migration/survey.js';
import { multipartFile } from '../actors/stock-session.js';
import { bearer } from '../support/clients.js';
import { agentHeaders, claim, submit } from '../support/jobs.js';
import { sendLog, sendResult } from '../support/leases.js';
import { readLog, readResult } from '../support/results.js';
import { startServer, type TestServer } from '../support/start-server.js';

/** The forms of an id that a Testflinger server accepts and stores as they were sent. */
const forms: Record<string, (id: string) => string> = {
  'in capitals': (id) => id.toUpperCase(),
  'of 32 digits': (id) => id.replaceAll('-', ''),
  'in braces': (id) => `{${id}}`,
  'as a URN': (id) => `urn:uuid:${id}`,
};

/** Stores a job as a Testflinger server does. */
async function storeElsewhere({ deps }: TestServer, jobId: string, data: object = {}): Promise<ObjectId> {
  const { insertedId } = await deps.collections.jobs.insertOne({
    job_id: jobId,
    created_at: new Date(),
    job_priority: 0,
    job_data: { job_queue: 'q1', ...data },
    result_data: { job_state: 'waiting' },
  } as unknown as JobRecord);
  return insertedId;
}

/** The id as a part of a path. */
const inPath = encodeURIComponent;

/** Returns the method, headers and body of an upload. */
function upload(name: string, headers: Record<string, string> = {}): RequestInit {
  const file = multipartFile(Buffer.from(name), 'file.tar.gz', 'application/x-gzip');
  const { 'content-length': _length, ...type } = file.headers;
  return { method: 'POST', body: new Uint8Array(file.body), headers: { ...headers, ...type } };
}

for (const [form, write] of Object.entries(forms)) {
  for (const adopted of ['adopted', 'claimed']) {
    test(`a job whose id was stored ${form} is found under each form once it is ${adopted}, and its data keep the stored id`, async (t) => {
      const server = await startServer(t);
      const { jobs, logs, files } = server.deps.collections;
      const canonical = randomUUID();
      const stored = write(canonical);
      await storeElsewhere(server, stored);
      if (adopted === 'adopted') await migrate(server.deps.connection.db, adoptionTables);
      t.is((await claim(server))?.['job_id'], stored);
      t.false((await sendResult(server, 'agent-1', inPath(stored), { status: { test: 0 } })).isDiscarded);
      await sendResult(server, 'agent-1', inPath(stored), { job_state: 'test' });
      t.is((await sendLog(server, 'agent-1', inPath(stored), 0, 'a line\n')).status, 200);
      const artifact = upload('an artifact', agentHeaders(server));
      t.is((await server.request(`/v1/result/${inPath(stored)}/artifact`, artifact)).status, 200);
      for (const name of [canonical, ...Object.values(forms).map((one) => one(canonical))].map(inPath)) {
        t.deepEqual(
          await readResult(server, name),
          { test_status: 0, job_state: 'test', test_output: 'a line\n' },
          name,
        );
        t.is((await readLog(server, name))['test']?.log_data, 'a line\n', name);
        t.is((await server.request(`/v1/job/${name}`)).status, 200, name);
        t.is((await server.request(`/v1/result/${name}/artifact`)).status, 200, name);
        const found = await server.request(`/v1/job/search?job_id=${name}`);
        t.like((await found.json()) as object, [{ job_id: stored }], name);
      }
      t.like(await jobs.findOne({}), { job_id: stored, canonical_id: canonical });
      t.deepEqual(await logs.distinct('job_id'), [stored]);
      t.deepEqual(await files.distinct('filename'), [`${stored}.artifact`]);
      await sendResult(server, 'agent-1', inPath(stored), { job_state: 'complete' });
      t.is((await readResult(server, canonical))['job_state'], 'complete');
    });
  }
}

test('a job of another id form takes attachments, a position, a cancel and a resubmission', async (t) => {
  const server = await startServer(t);
  const { jobs, files } = server.deps.collections;
  const canonical = randomUUID();
  const stored = canonical.toUpperCase();
  await storeElsewhere(server, stored, { attachments_status: 'waiting' });
  await migrate(server.deps.connection.db, adoptionTables);
  t.is((await server.request(`/v1/job/${stored}/attachments`, upload('attachments'))).status, 200);
  t.deepEqual(await files.distinct('filename'), [`${stored}.attachments`]);
  const fetched = await server.request(`/v1/job/${canonical}/attachments`, { headers: agentHeaders(server) });
  t.is(await fetched.text(), 'attachments');
  t.is(await (await server.request(`/v1/job/${canonical}/position`)).text(), '0');
  const cancel = { method: 'POST', body: '{"action":"cancel"}' };
  const headers = { 'content-type': 'application/json' };
  t.is((await server.request(`/v1/job/${canonical}/action`, { ...cancel, headers })).status, 200);
  const manager = bearer(server, { client_id: 'boss', role: 'manager' });
  t.is(await submit(server, { job_id: stored }, manager), stored);
  t.is(await jobs.countDocuments(), 1);
  t.like(await jobs.findOne({}), { job_id: stored, canonical_id: canonical, live: true });
  t.is(await files.countDocuments(), 0);
});

for (const [form, write] of Object.entries(forms)) {
  test(`a job that another server stored ${form} is found before anybody claims it`, async (t) => {
    const server = await startServer(t);
    const canonical = randomUUID();
    await storeElsewhere(server, write(canonical));
    t.is(await (await server.request(`/v1/job/${canonical}/position`)).text(), '0');
    const [held] = await server.deps.findHeldJobs(canonical);
    t.is(held?.job_id, write(canonical));
    const together = await Promise.all([randomUUID(), canonical].map((id) => server.deps.findHeldJobs(id)));
    t.deepEqual(together, [[], [held]] as typeof together);
    const manager = bearer(server, { client_id: 'boss', role: 'manager' });
    t.is(await submit(server, { job_id: canonical }, manager), canonical);
    t.like(await server.deps.collections.jobs.findOne({}), {
      job_id: write(canonical),
      canonical_id: canonical,
    });
    const cancel = { method: 'POST', body: '{"action":"cancel"}', headers: agentHeaders(server) };
    const headers = { ...manager, 'content-type': 'application/json' };
    t.is((await server.request(`/v1/job/${canonical}/action`, { ...cancel, headers })).status, 200);
    t.is(await claim(server), undefined);
  });
}

test('the newest form of an id comes first, and doctor counts those that are not canonical', async (t) => {
  const server = await startServer(t);
  const { db } = server.deps.connection;
  const canonical = randomUUID();
  await storeElsewhere(server, canonical.toUpperCase(), { name: 'in capitals' });
  await storeElsewhere(server, canonical, { name: 'canonical' });
  await storeElsewhere(server, 'no id at all');
  const jobsFinding = async () =>
    (await surveyDatabase(db, adoptionTables)).find(({ collection }) => collection === 'jobs');
  const note = '1 have an id that is not in canonical form, and keep it';
  t.true((await jobsFinding())?.notes.includes(note));
  t.like(await migrate(db, adoptionTables), { jobIds: { canonical: 1 } });
  t.like(await migrate(db, adoptionTables), { jobIds: { canonical: 0 } });
  t.true((await jobsFinding())?.notes.includes(note));
  const [alone, ...together] = await Promise.all([
    server.request(`/v1/job/${canonical}`).then((response) => response.json()),
    ...[canonical, randomUUID()].map((id) => server.deps.findHeldJobs(id)),
  ]);
  t.like(alone as object, { name: 'canonical' });
  t.deepEqual(
    together.map((found) => found.map(({ job_id: jobId }) => jobId)),
    [[canonical], []],
  );
});

for (const [form, write] of Object.entries(forms)) {
  test(`an agent's data reach the job that it claimed, whose id is stored ${form} beside a complete job with the canonical id`, async (t) => {
    const server = await startServer(t);
    const { jobs } = server.deps.collections;
    const canonical = await submit(server);
    const stored = write(canonical);
    t.is((await claim(server, ['q1'], 'agent-0'))?.['job_id'], canonical);
    await sendResult(server, 'agent-0', canonical, { status: { test: 1 }, job_state: 'complete' });
    await storeElsewhere(server, stored);
    t.is((await claim(server))?.['job_id'], stored);
    t.is((await sendLog(server, 'agent-1', inPath(stored), 0, 'second run\n')).status, 200);
    const end = { status: { test: 7 }, job_state: 'complete' };
    t.false((await sendResult(server, 'agent-1', inPath(stored), end)).isDiscarded);
    for (const name of [canonical, inPath(stored)])
      t.deepEqual(
        await readResult(server, name),
        { test_status: 7, job_state: 'complete', test_output: 'second run\n' },
        name,
      );
    t.true((await sendResult(server, 'agent-0', canonical, { status: { test: 2 } })).isDiscarded);
    t.like(await jobs.findOne({ job_id: canonical }), {
      superseded: true,
      result_data: { status: { test: 1 } },
    });
    t.like(await jobs.findOne({ job_id: stored }), {
      canonical_id: canonical,
      live: true,
      lease: { holder: 'agent-1', attempt: 2, first: 2 },
      result_data: { status: { test: 7 }, job_state: 'complete' },
    });
  });
}

test('a claimed job with the canonical id supersedes an earlier one whose id is stored in another form', async (t) => {
  const server = await startServer(t);
  const { jobs } = server.deps.collections;
  const canonical = randomUUID();
  const stored = canonical.toUpperCase();
  await storeElsewhere(server, stored);
  t.is((await claim(server, ['q1'], 'agent-0'))?.['job_id'], stored);
  await storeElsewhere(server, canonical);
  t.is((await claim(server))?.['job_id'], canonical);
  t.true((await sendResult(server, 'agent-0', canonical, { job_state: 'test' })).isDiscarded);
  t.false((await sendResult(server, 'agent-1', canonical, { job_state: 'setup' })).isDiscarded);
  t.is((await readResult(server, canonical))['job_state'], 'setup');
  t.like(await jobs.findOne({ job_id: stored }), { superseded: true, result_data: { job_state: 'running' } });
});

test('a job that is older than one with another form of its id is not handed out once that one was adopted or claimed', async (t) => {
  for (const adopted of [true, false]) {
    const server = await startServer(t);
    const { jobs } = server.deps.collections;
    const canonical = randomUUID();
    const stored = canonical.toUpperCase();
    await storeElsewhere(server, canonical);
    const newer = await storeElsewhere(server, stored);
    await jobs.updateOne({ _id: newer }, { $set: { job_priority: 1 } });
    if (adopted) await migrate(server.deps.connection.db, adoptionTables);
    t.is((await claim(server))?.['job_id'], stored);
    t.is(await claim(server), undefined);
    t.is((await readResult(server, canonical))['job_state'], 'running');
  }
});

test('a job that is claimed again continues its own attempts, not those of an earlier form of its id', async (t) => {
  const server = await startServer(t);
  const { jobs } = server.deps.collections;
  const canonical = await submit(server);
  await claim(server, ['q1'], 'agent-0');
  await sendResult(server, 'agent-0', canonical, { job_state: 'complete' });
  const stored = canonical.toUpperCase();
  await storeElsewhere(server, stored);
  await claim(server, ['q1'], 'agent-1');
  const again = { 'result_data.job_state': 'waiting' };
  await jobs.updateOne({ job_id: stored }, { $set: again, $unset: { 'lease.holder': true } });
  t.is((await claim(server, ['q1'], 'agent-2'))?.['job_id'], stored);
  t.like((await jobs.findOne({ job_id: stored }))?.lease, { holder: 'agent-2', attempt: 3, first: 2 });
});
