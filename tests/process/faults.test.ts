import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { jsonBody } from '../support/clients.js';
import { each, headersOf, makePosters, uploader, World, withAttachments } from '../support/fault-world.js';
import { waitUntil } from '../support/own-mongod.js';
import { makeFragment } from '../support/results.js';
import { digest, makeBytes, upload } from '../support/uploads.js';

const mebibyte = 2 ** 20;

test.serial(
  'after a SIGKILL during claims each job waits or is held, and each acknowledged claim is the only one of its job',
  async (t) => {
    const world = await World.start(t);
    const jobs: string[] = [];
    for (let n = 0; n < 60; n += 1) jobs.push(await world.submit());
    const claims: [string, string][] = [];
    for (let round = 1; round <= 3; round += 1) {
      let replaced: Promise<void> | undefined;
      const agents = Array.from({ length: 8 }, (_, n) => `agent-${n}`);
      await each(agents, async (agent) => {
        for (;;) {
          const jobId = await world.claim(agent);
          if (jobId === undefined) return;
          claims.push([jobId, agent]);
          if (claims.length >= round * 10) replaced ??= world.replaceServer();
        }
      });
      await replaced;
      t.truthy(replaced);
      t.true(claims.length < jobs.length, 'the server was killed before all jobs were claimed');
      await world.checkClaims(jobs, claims);
    }
    const waiting = await world.collections.jobs.countDocuments({ 'result_data.job_state': 'waiting' });
    for (let n = 0; n < waiting; n += 1) claims.push([(await world.claim('agent-9')) as string, 'agent-9']);
    t.is(await world.claim('agent-9'), undefined);
    await world.checkClaims(jobs, claims);
    t.deepEqual(world.wrong, []);
  },
);

test.serial('a SIGKILL between claim and response leaves the job running, with its holder', async (t) => {
  const world = await World.start(t);
  const { jobs } = world.collections;
  // Larger than the buffers of a connection, so that the server is still sending until the client reads.
  const length = 15 * mebibyte;
  const jobId = await world.submit({ job_queue: 'big', test_data: { test_cmds: 'x'.repeat(length) } });
  const { hostname, port } = new URL(world.server.url);
  const socket = connect(Number(port), hostname);
  t.teardown(() => socket.destroy());
  const lines = Object.entries(headersOf('agent', 'agent-1')).map(([name, value]) => `${name}: ${value}`);
  socket.write(`GET /v1/job?queue=big HTTP/1.1\r\nhost: ${hostname}\r\n${lines.join('\r\n')}\r\n\r\n`);
  await waitUntil(async () => (await jobs.findOne({ job_id: jobId }))?.result_data.job_state === 'running');
  await world.replaceServer();
  let received = 0;
  socket.on('data', (part: Buffer) => (received += part.length)).on('error', () => undefined);
  await waitUntil(() => socket.closed);
  t.true(received < length, 'the response was incomplete');
  const job = await jobs.findOne({ job_id: jobId });
  t.is(job?.result_data.job_state, 'running');
  t.like(job?.lease, { holder: 'agent-1', attempt: 1 });
  t.true(
    (job?.lease?.until?.getTime() ?? 0) > Date.now(),
    'the job has a lease, which returns it to the queue',
  );
  t.is(await world.claim('agent-2', 'big'), undefined, 'no other agent gets the job');
  const listed = await world.requestUntilOk('/v1/queues/big/jobs');
  t.is((JSON.parse(listed) as { job_state: string }[])[0]?.job_state, 'running');
});

for (const kind of ['attachments', 'artifact']) {
  test.serial(
    `after a SIGKILL in the middle of an upload no file is served, and the repeated upload is stored (${kind})`,
    async (t) => {
      const world = await World.start(t);
      const jobId = await world.submit(withAttachments);
      const path = kind === 'artifact' ? `/v1/result/${jobId}/artifact` : `/v1/job/${jobId}/attachments`;
      const bytes = makeBytes(20 * mebibyte);
      const { finish, status } = await world.beginUpload(path, bytes);
      await world.replaceServer();
      finish();
      await t.throwsAsync(status);
      t.is(await world.readFile(path), undefined);
      t.is(await world.countFiles(jobId, kind), 0);
      if (kind === 'attachments')
        t.is(await world.claim('agent-1'), undefined, 'the job still waits for attachments');
      t.is(await world.collections.fileChunks.countDocuments({ uploadDate: { $exists: false } }), 0);

      t.is(await world.requestUntilOk(path, upload(bytes, uploader(path))), 'OK');
      t.is(await world.readFile(path), digest(bytes));
      t.is(await world.countFiles(jobId, kind), 1);
      if (kind === 'attachments') t.is(await world.claim('agent-1'), jobId);
      t.deepEqual(world.wrong, []);
    },
  );
}

test.serial(
  'a SIGKILL between log fragments, and while they are posted, loses and duplicates none',
  async (t) => {
    const world = await World.start(t);
    const posters = await makePosters(world, 3);
    for (let round = 1; round <= 2; round += 1) {
      await each(posters, (poster) => poster.post(10));
      await world.replaceServer();
      await each(posters, (poster) => poster.check());

      const { cuts } = world;
      const goal = posters.reduce((sum, { acknowledged }) => sum + acknowledged.length, 30);
      const posting = each(posters, (poster) => poster.post(60));
      await waitUntil(() => posters.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0) > goal);
      await world.replaceServer();
      await each(posters, (poster) => poster.checkStart());
      await posting;
      t.true(world.cuts > cuts, 'some posts were in flight');
      await each(posters, (poster) => poster.check());
    }
    await each(posters, (poster) => poster.resendAll());
    t.is(await world.collections.logs.countDocuments(), posters.length * 140);
    t.deepEqual(world.wrong, []);
  },
);

test.serial(
  'a restart of MongoDB during uploads, log posts, claims and submits loses nothing that was acknowledged',
  async (t) => {
    const world = await World.start(t);
    const posters = await makePosters(world, 2);
    const jobs: string[] = [];
    const claims: [string, string][] = [];
    let ended = false;
    t.teardown(() => {
      ended = true;
    });
    const repeat = async (task: () => Promise<void>) => {
      for (; !ended; await wait(5)) await task();
    };
    const traffic = [
      ...posters.map((poster) => repeat(() => poster.post(1))),
      ...[1, 2].map(() => repeat(async () => void jobs.push(await world.submit()))),
      ...['agent-1', 'agent-2', 'agent-3'].map((agent) =>
        repeat(async () => {
          const jobId = await world.claim(agent);
          if (jobId !== undefined) claims.push([jobId, agent]);
        }),
      ),
    ];
    for (const fault of ['killed', 'stopped']) {
      const before = { claims: claims.length, posts: posters[0]?.acknowledged.length ?? 0 };
      const jobId = await world.submit({ ...withAttachments, job_queue: 'files' });
      const files = [`/v1/job/${jobId}/attachments`, `/v1/result/${jobId}/artifact`].map((path) => ({
        path,
        bytes: makeBytes(8 * mebibyte),
      }));
      const begun = [];
      for (const { path, bytes } of files) begun.push(await world.beginUpload(path, bytes));
      if (fault === 'killed') await world.killMongo();
      else await world.stopMongo();
      for (const { finish } of begun) finish();
      const statuses = await Promise.all(begun.map(({ status }) => status));
      if (fault === 'stopped') t.deepEqual(statuses, [503, 503]);
      if (fault !== 'stopped')
        t.true(
          statuses.every((status) => status === 200 || status === 503),
          statuses.join(),
        );
      if (fault === 'stopped') await world.startMongo();
      await world.untilReady();
      for (const [n, { path, bytes }] of files.entries()) {
        const served = await world.readFile(path);
        t.is(
          served,
          served === undefined && statuses[n] === 503 ? undefined : digest(bytes),
          'the file is complete or absent',
        );
        t.is(await world.requestUntilOk(path, upload(bytes, uploader(path))), 'OK');
        t.is(await world.readFile(path), digest(bytes));
      }
      t.deepEqual(
        await Promise.all(['attachments', 'artifact'].map((kind) => world.countFiles(jobId, kind))),
        [1, 1],
      );
      await waitUntil(() => claims.length > before.claims + 5);
      await waitUntil(() => (posters[0]?.acknowledged.length ?? 0) > before.posts + 5);
    }
    ended = true;
    await Promise.all(traffic);
    t.deepEqual(world.wrong, []);
    await world.checkClaims(jobs, claims);
    await each(posters, (poster) => poster.check());
    await each(posters, (poster) => poster.resendAll());
  },
);

test.serial('a request that is sent twice at once, and again to a new server, has one effect', async (t) => {
  const world = await World.start(t);
  const { jobs, agents, provisionLogs, fileChunks } = world.collections;
  const thrice = async (path: string, init: () => RequestInit) => {
    const send = async () => (await world.server.request(path, init())).status;
    const first = await Promise.all([send(), send()]);
    await world.replaceServer();
    return [...first.toSorted(), await send()];
  };
  const ok = [200, 200, 200];
  const jobId = randomUUID();
  const agent = headersOf('agent', 'agent-1');
  const job = { job_queue: 'q1', job_id: jobId, ...withAttachments };
  t.deepEqual(await thrice('/v1/job', () => jsonBody(job, headersOf('contributor'))), ok);
  t.is(await jobs.countDocuments(), 1);

  const bytes = makeBytes(3 * mebibyte);
  for (const kind of ['attachments', 'artifact']) {
    const path = kind === 'artifact' ? `/v1/result/${jobId}/artifact` : `/v1/job/${jobId}/attachments`;
    // The holder must send the artifact: one from another agent would be discarded.
    const sender = kind === 'artifact' ? agent : uploader(path);
    t.deepEqual(await thrice(path, () => upload(bytes, sender)), ok);
    t.is(await world.countFiles(jobId, kind), 1);
    t.is(await world.readFile(path), digest(bytes));
    if (kind === 'artifact') continue;
    t.is(await world.claim('agent-1'), jobId);
    t.is(await world.claim('agent-1'), undefined, 'the job is stored once');
  }
  const chunks = Math.ceil(bytes.length / (255 * 1024));
  await waitUntil(async () => (await fileChunks.countDocuments()) === 2 * chunks);

  const result = { status: { setup: 0, provision: 3 }, device_info: { ip: '::1' }, job_state: 'test' };
  t.deepEqual(await thrice(`/v1/result/${jobId}`, () => jsonBody(result, agent)), ok);
  const fragment = makeFragment({ log_data: 'once\n' });
  t.deepEqual(await thrice(`/v1/result/${jobId}/log/output`, () => jsonBody(fragment, agent)), ok);
  const read = JSON.parse(await world.requestUntilOk(`/v1/result/${jobId}`)) as Record<string, unknown>;
  const { setup_status, provision_status, device_info, job_state, test_output } = read;
  t.deepEqual([setup_status, provision_status, device_info, job_state], [0, 3, { ip: '::1' }, 'test']);
  t.is(test_output, 'once\n');

  await world.requestUntilOk('/v1/agents/data/agent-1', jsonBody({ queues: ['q1'] }, agent));
  const provision = { job_id: jobId, exit_code: 0, detail: '' };
  t.deepEqual(await thrice('/v1/agents/provision_logs/agent-1', () => jsonBody(provision, agent)), ok);
  t.is((await provisionLogs.findOne({ name: 'agent-1' }))?.provision_log.length, 1);
  t.is((await agents.findOne({ name: 'agent-1' }))?.provision_streak_count, 1);

  t.deepEqual(
    await thrice(`/v1/job/${jobId}/action`, () => jsonBody({ action: 'cancel' }, headersOf('contributor'))),
    [200, 400, 400],
  );
  const stored = await jobs.findOne({ job_id: jobId });
  t.is(stored?.result_data.job_state, 'cancelled');
  t.like(stored?.lease, { holder: 'agent-1', attempt: 1 });
});
