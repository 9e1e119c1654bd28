import { setTimeout as wait } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import jwt from 'jsonwebtoken';
import { GridFSBucket } from 'mongodb';
import { bearer, jsonBody } from '../support/clients.js';
import { claim, submit } from '../support/jobs.js';
import { startServer, type TestServer, testSigningKey } from '../support/start-server.js';
import { makeBytes, upload } from '../support/uploads.js';

type Headers = Record<string, string>;
interface Answer {
  status: number;
  body: unknown;
}

async function post(server: TestServer, job: unknown, headers: Headers = {}): Promise<Answer> {
  const response = await server.request('/v1/job', jsonBody(job, headers));
  return { status: response.status, body: await response.json() };
}

const refusal = (status: number, message: string): Answer => ({ status, body: { message, detail: {} } });
const noAgent = refusal(422, 'There are no agents on the specified queue that are allowed to run this job');
const unreadableId = refusal(400, 'Invalid job_id specified');
const notYours = refusal(403, 'Not enough permissions to resubmit job ID');

async function startWithAgents(t: ExecutionContext): Promise<TestServer> {
  const server = await startServer(t);
  await server.deps.collections.agents.insertMany([
    { name: 'a1', queues: ['q1', 'locked'] },
    { name: 'a2', queues: ['q1'] },
  ]);
  await server.deps.collections.restrictedQueues.insertOne({ queue_name: 'locked' });
  return server;
}

const stored = (server: TestServer, jobId: string) =>
  server.deps.collections.jobs.findOne({ job_id: jobId }, { projection: { _id: 0 } });

const canonical = '0b5b2f4e-0d1c-4f6e-9f0a-6d6f0a1b2c3d';

test('the rules are checked in order: of two broken rules the first is reported', async (t) => {
  const server = await startWithAgents(t);
  const owned = await submit(server, { job_id: canonical }, bearer(server, { client_id: 'owner' }));
  const broken: { fields: object; answer: Answer }[] = [
    { fields: { exclude_agents: ['a1'] }, answer: noAgent },
    { fields: { test_data: { secrets: {} } }, answer: refusal(422, 'No secrets store') },
    { fields: { job_id: 'no-uuid' }, answer: unreadableId },
    { fields: { job_id: owned }, answer: notYours },
    { fields: { job_priority: 5 }, answer: refusal(401, 'Authentication required for setting priority: 5') },
    { fields: {}, answer: refusal(401, 'Authentication required to push to restricted queue: locked') },
  ];
  const reservation = { reserve_data: { timeout: '7h' } };
  for (const [i, { fields, answer }] of broken.entries()) {
    const next = broken[i + 1]?.fields ?? reservation;
    const job = { job_queue: 'locked', ...next, ...fields };
    t.deepEqual(await post(server, job), answer, JSON.stringify(job));
  }
  t.deepEqual(
    await post(server, { job_queue: 'q1', ...reservation }),
    refusal(401, 'Authentication required for setting timeout: 25200'),
  );
  t.is(await server.deps.collections.jobs.countDocuments(), 1);
});

test('a priority requires permission, up to the larger of the limits for all queues and for this queue', async (t) => {
  const server = await startServer(t);
  const wanted = (priority: unknown, queue = 'q1') => ({ job_queue: queue, job_priority: priority });
  const needed = (n: number) => refusal(401, `Authentication required for setting priority: ${n}`);
  const above = (n: number, queue = 'q1') =>
    refusal(403, `Not enough permissions to push to ${queue} with priority ${n}`);
  t.is((await post(server, wanted(0))).status, 200);
  t.is((await post(server, wanted('0'))).status, 200);
  t.is((await post(server, { job_queue: 'q1' })).status, 200);
  t.deepEqual(await post(server, wanted(1)), needed(1));
  t.deepEqual(await post(server, wanted('7')), needed(7));
  t.deepEqual(await post(server, wanted(-1)), needed(-1));
  const limited = bearer(server, { max_priority: { '*': 3, q1: 10, low: 1 } });
  for (const [job, answer] of [
    [wanted(10), 200],
    [wanted('10'), 200],
    [wanted(11), above(11)],
    [wanted(3, 'other'), 200],
    [wanted(4, 'other'), above(4, 'other')],
    [wanted(3, 'low'), 200],
    [wanted(4, 'low'), above(4, 'low')],
    [wanted(-5), 200],
  ] as const) {
    const answered = await post(server, job, limited);
    if (answer === 200) t.is(answered.status, 200, JSON.stringify(job));
    else t.deepEqual(answered, answer);
  }
  const bare = bearer(server, { client_id: 'bare' });
  t.deepEqual(await post(server, wanted(1), bare), above(1));
  t.deepEqual(await post(server, wanted(4, '__proto__'), limited), above(4, '__proto__'));
  t.deepEqual(await post(server, wanted(4, 'constructor'), limited), above(4, 'constructor'));
});

test('a token in the oldest format has the permissions of its max_priority claim, and no client id', async (t) => {
  const server = await startWithAgents(t);
  const now = Math.floor(Date.now() / 1000);
  const claims = { exp: now + 60, iat: now, sub: 'access_token', max_priority: { q1: 10 } };
  const oldest = { authorization: jwt.sign(claims, testSigningKey) };
  t.is((await post(server, { job_queue: 'q1', job_priority: 10 }, oldest)).status, 200);
  t.deepEqual(
    await post(server, { job_queue: 'q1', job_priority: 11 }, oldest),
    refusal(403, 'Not enough permissions to push to q1 with priority 11'),
  );
  t.deepEqual(
    await post(server, { job_queue: 'locked' }, oldest),
    refusal(403, 'Not enough permissions to push to the restricted queue: locked'),
  );
  const job = await server.deps.collections.jobs.findOne({});
  t.false('submitted_by' in (job ?? {}));
});

test('a restricted queue accepts jobs only from clients that are allowed to push to it, whatever their role', async (t) => {
  const server = await startWithAgents(t);
  const refused = refusal(403, 'Not enough permissions to push to the restricted queue: locked');
  const job = { job_queue: 'locked' };
  for (const role of ['admin', 'manager', 'contributor']) {
    t.deepEqual(await post(server, job, bearer(server, { role, allowed_queues: ['other'] })), refused);
    t.is((await post(server, job, bearer(server, { role, allowed_queues: ['locked'] }))).status, 200);
  }
});

test('a reservation of more than 6 hours requires a permission of that length, in seconds', async (t) => {
  const server = await startServer(t);
  const job = (timeout: unknown) => ({ job_queue: 'q1', reserve_data: { timeout } });
  t.is((await post(server, job(21600))).status, 200);
  t.is((await post(server, job('6h'))).status, 200);
  t.deepEqual(
    await post(server, job('6h 1s')),
    refusal(401, 'Authentication required for setting timeout: 21601'),
  );
  const allowed = bearer(server, { max_reservation_time: { '*': 3600, q1: 90_000 } });
  t.is((await post(server, job('1d 1h'), allowed)).status, 200);
  t.deepEqual(
    await post(server, job('1d 1h 1s'), allowed),
    refusal(403, 'Not enough permissions to push to q1 with reservation timeout 90001'),
  );
  t.deepEqual(
    await post(server, { ...job('7h'), job_queue: 'q2' }, allowed),
    refusal(403, 'Not enough permissions to push to q2 with reservation timeout 25200'),
  );
  t.is((await post(server, job('2h'), bearer(server, { max_reservation_time: { '*': 60 } }))).status, 200);
  t.is((await post(server, { job_queue: 'q1', reserve_data: {} })).status, 200);
});

test('a job that excludes agents needs another agent on its queue', async (t) => {
  const server = await startWithAgents(t);
  t.is((await post(server, { job_queue: 'q1', exclude_agents: ['a1'] })).status, 200);
  t.deepEqual(await post(server, { job_queue: 'q1', exclude_agents: ['a1', 'a2'] }), noAgent);
  t.deepEqual(await post(server, { job_queue: 'nobody', exclude_agents: ['x'] }), noAgent);
  t.is((await post(server, { job_queue: 'nobody', exclude_agents: [] })).status, 200);
});

test('a job id is returned in the form in which it was sent, and all its forms name one job', async (t) => {
  const server = await startServer(t);
  const who = bearer(server, { client_id: 'ci' });
  const bare = canonical.replaceAll('-', '');
  for (const job_id of [
    canonical,
    canonical.toUpperCase(),
    bare,
    `{${canonical}}`,
    `urn:uuid:${canonical}`,
  ]) {
    t.deepEqual(await post(server, { job_queue: 'q1', job_id }, who), { status: 200, body: { job_id } });
    const shown = await server.request(`/v1/job/${encodeURIComponent(job_id)}`);
    t.is(((await shown.json()) as { job_id: string }).job_id, job_id);
  }
  const jobs = await server.deps.collections.jobs.find().toArray();
  t.deepEqual(
    jobs.map((job) => job.job_id),
    [canonical],
  );
});

test('an empty job id counts as missing, and an id that is not a UUID is refused', async (t) => {
  const server = await startServer(t);
  const { body } = await post(server, { job_queue: 'q1', job_id: '' });
  t.regex((body as { job_id: string }).job_id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  const wrong = ['1', `${canonical}0`, canonical.slice(1), `${canonical}\n`, canonical.replace('-', ''), ' '];
  for (const job_id of [...wrong, `{${canonical}`, canonical.replace('0', 'g')]) {
    t.deepEqual(await post(server, { job_queue: 'q1', job_id }), unreadableId, job_id);
  }
});

test('a job is stored as Testflinger stores it, and its submitter is never shown', async (t) => {
  const server = await startServer(t);
  const job = { job_queue: 'q1', name: 'n', job_priority: 2, tags: ['a'], test_data: { test_cmds: 'ls' } };
  const who = bearer(server, { client_id: 'ci', max_priority: { q1: 2 } });
  const job_id = await submit(server, job, who);
  const { created_at, ...rest } = (await stored(server, job_id)) ?? {};
  t.true(created_at instanceof Date);
  t.deepEqual(rest as object, {
    job_id,
    live: true,
    job_priority: 2,
    job_data: job,
    result_data: { job_state: 'waiting' },
    submitted_by: 'ci',
  });
  const shown = await server.request(`/v1/job/${job_id}`);
  t.deepEqual(await shown.json(), { ...job, job_id, exclude_agents: [] });
  t.deepEqual(await claim(server).then((taken) => ({ ...taken, started_at: undefined })), {
    ...job,
    job_id,
    exclude_agents: [],
    started_at: undefined,
  });
});

test('a list of attachments in any section, even an empty one, makes the job wait for them', async (t) => {
  const server = await startServer(t);
  const sections: [string, object][] = [
    ['provision_data', { url: 'http://host/image', attachments: [{ agent: 'a' }] }],
    ['provision_data', { url: 'http://host/image', attachments: [] }],
    ['firmware_update_data', { attachments: [] }],
    ['test_data', { attachments: [{ agent: 'a', device: 'b' }] }],
    ['allocate_data', { attachments: [{ agent: 'a' }] }],
  ];
  for (const [section, data] of sections) {
    const job = await stored(server, await submit(server, { [section]: data }));
    t.is(job?.job_data.attachments_status, 'waiting', section);
  }
  t.is(await claim(server), undefined);
  const free = await submit(server, { allocate_data: { attachments: 'none' }, provision_data: null });
  t.false('attachments_status' in ((await stored(server, free))?.job_data ?? {}));
  t.is((await claim(server))?.job_id, free);
});

test('dots, dollar signs, NUL and names with a meaning in JavaScript are plain data in every field', async (t) => {
  const server = await startServer(t);
  const odd = {
    'a.b': 1,
    $set: { $where: 'x' },
    __proto__x: null,
    constructor: { prototype: 1 },
    '': [{ $ne: 1 }, null, 1.5, 'text \0'],
  };
  const map = JSON.parse(JSON.stringify(odd).replace('__proto__x', '__proto__')) as object;
  const sent = {
    job_queue: '$queue\0.x',
    name: '$job_id',
    parent_job_id: '$$ROOT',
    tags: ['$a', '$$NOW'],
    job_status_webhook: '$literal',
    exclude_agents: [],
    firmware_update_data: map,
    allocate_data: { deep: map },
    provision_data: { distro: '$distro', disks: [map] },
    test_data: { test_cmds: '$cmds\0', test_username: '$u', test_password: '$p' },
    reserve_data: { ssh_keys: ['lp:$x'], timeout: 5 },
  };
  const job_id = await submit(server, sent, {});
  const shown = await server.request(`/v1/job/${job_id}`);
  // Compare text, since a comparison of objects ignores __proto__.
  const asSent = JSON.stringify({ ...sent, job_id });
  t.is(await shown.text(), asSent);
  t.deepEqual(await claim(server, [sent.job_queue]).then((job) => job?.job_id), job_id);
});

test('a job can be restarted by its submitter, a manager or an admin, in every state', async (t) => {
  const server = await startServer(t);
  const { jobs } = server.deps.collections;
  const job = { job_queue: 'q1', job_id: canonical };
  const owner = bearer(server, { client_id: 'owner' });
  await submit(server, job, owner);
  const strangers = [{}, bearer(server, { client_id: 'other' }), bearer(server, { role: 'contributor' })];
  for (const job_state of ['waiting', 'running', 'provision', 'cancelled', 'complete']) {
    await jobs.updateOne({ job_id: canonical }, { $set: { 'result_data.job_state': job_state } });
    const before = await stored(server, canonical);
    for (const stranger of strangers) t.deepEqual(await post(server, job, stranger), notYours);
    t.deepEqual(await stored(server, canonical), before);
    t.is((await post(server, { ...job, name: job_state }, owner)).status, 200);
    const after = await stored(server, canonical);
    t.is(after?.result_data.job_state, 'waiting');
    t.is(after?.job_data['name'], job_state);
  }
  t.is((await post(server, job, bearer(server, { client_id: 'boss', role: 'manager' }))).status, 200);
  t.is((await stored(server, canonical))?.submitted_by, 'boss');
  t.deepEqual(await post(server, job, owner), notYours);
  t.is((await post(server, job, bearer(server, { client_id: 'root', role: 'admin' }))).status, 200);
});

test('a job that was submitted anonymously can be restarted by anyone, once it has ended', async (t) => {
  const server = await startServer(t);
  const job = { job_queue: 'q1', job_id: canonical };
  await submit(server, job);
  for (const [job_state, status] of [
    ['running', 403],
    ['test', 403],
    ['cancelled', 200],
    ['complete', 200],
    ['completed', 200],
  ] as const) {
    const change = { $set: { 'result_data.job_state': job_state } };
    await server.deps.collections.jobs.updateOne({ job_id: canonical }, change);
    t.is((await post(server, job)).status, status, job_state);
  }
  t.is((await post(server, job, bearer(server, { client_id: 'boss', role: 'manager' }))).status, 200);
});

test('an anonymous submission with a job_id that is repeated while the job waits is the same job', async (t) => {
  const server = await startWithAgents(t);
  const job = {
    job_queue: 'q1',
    job_id: canonical.toUpperCase(),
    exclude_agents: ['a1'],
    provision_data: { url: 'http://host/image' },
    firmware_update_data: { 'a.b': { $x: [1, -0, 1.5, 9007199254740991, null] }, ['__proto__']: {} },
    test_data: { test_cmds: 'ls', attachments: [{ agent: 'a' }] },
    reserve_data: { timeout: '1h' },
  };
  const answer = { status: 200, body: { job_id: job.job_id } };
  const many = await Promise.all(Array.from({ length: 10 }, () => post(server, job)));
  for (const each of many) t.deepEqual(each, answer);
  const before = await stored(server, canonical);
  t.deepEqual(await post(server, job), answer);
  t.deepEqual(await stored(server, canonical), before);
  t.deepEqual(await post(server, { ...job, job_id: canonical }), {
    status: 200,
    body: { job_id: canonical },
  });
  const { status } = await server.request(`/v1/job/${canonical}/attachments`, upload(makeBytes(10)));
  t.is(status, 200);
  await server.deps.collections.agents.deleteMany({});
  t.deepEqual(await post(server, job), answer, 'the rules are not checked again');
  t.is((await stored(server, canonical))?.job_data.attachments_status, 'complete');
  t.is(await server.deps.collections.jobs.countDocuments(), 1);
});

test('another submission under the id of an anonymous job that waits is refused, and so is a repeat once an agent has it', async (t) => {
  const server = await startServer(t);
  const job = { job_queue: 'q1', job_id: canonical, tags: ['a', 'b'] };
  await submit(server, job);
  const before = await stored(server, canonical);
  for (const other of [{ tags: ['b', 'a'] }, { tags: undefined }, { name: '' }, { job_priority: 0 }]) {
    t.deepEqual(await post(server, { ...job, ...other }), notYours, JSON.stringify(other));
  }
  t.deepEqual(await post(server, job, bearer(server, { client_id: 'other' })), notYours);
  t.deepEqual(await stored(server, canonical), before);
  await claim(server);
  t.deepEqual(await post(server, job), notYours);
});

test('a restart deletes the output of the previous run of this job only, and continues its attempt count', async (t) => {
  const server = await startServer(t);
  const { db } = server.deps.connection;
  const { jobs, logs } = server.deps.collections;
  const other = await submit(server);
  const who = bearer(server, { client_id: 'ci' });
  await submit(server, { job_id: canonical, job_queue: 'mine' }, who);
  await claim(server, ['mine']);
  const bucket = new GridFSBucket(db);
  for (const id of [canonical, other]) {
    await jobs.updateOne({ job_id: id }, { $set: { 'result_data.status': { test: 0 } } });
    await logs.insertOne({ job_id: id } as never);
    for (const kind of ['attachments', 'artifact']) bucket.openUploadStream(`${id}.${kind}`).end('bytes');
  }
  const files = db.collection('fs.files');
  while ((await files.countDocuments()) < 4) await wait(20);
  const before = await stored(server, canonical);
  t.is((await post(server, { job_id: canonical.toUpperCase(), job_queue: 'mine' }, who)).status, 200);
  const after = await stored(server, canonical);
  t.deepEqual(after?.result_data, { job_state: 'waiting' });
  t.false('started_at' in (after ?? {}));
  t.true((after?.created_at ?? 0) > (before?.created_at ?? 0));
  t.deepEqual(await logs.distinct('job_id'), [other]);
  t.deepEqual(await files.distinct('filename'), [`${other}.artifact`, `${other}.attachments`]);
  t.is(await db.collection('fs.chunks').countDocuments(), 2);
  await claim(server, ['mine'], 'agent-2');
  const { until: _until, ...lease } = (await stored(server, canonical))?.lease ?? { until: undefined };
  t.deepEqual(lease as object, { holder: 'agent-2', client_id: 'client of agent-2', attempt: 2, first: 2 });
});

test('many concurrent submissions of one id leave one job, and none of them fails', async (t) => {
  const server = await startServer(t);
  const bucket = new GridFSBucket(server.deps.connection.db);
  for (let i = 0; i < 5; i += 1) bucket.openUploadStream(`${canonical}.artifact`).end('bytes');
  while ((await bucket.find().toArray()).length < 5) await wait(20);
  const who = bearer(server, { client_id: 'ci' });
  const names = Array.from({ length: 20 }, (_, i) => `n${i}`);
  for (let round = 0; round < 3; round += 1) {
    const answers = await Promise.all(
      names.map((name) => post(server, { job_queue: 'q1', job_id: canonical, name }, who)),
    );
    t.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    t.is(await server.deps.collections.jobs.countDocuments(), 1);
  }
});
