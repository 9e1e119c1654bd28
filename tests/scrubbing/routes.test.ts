import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { bearer } from '../support/clients.js';
import { readCsfleVectors } from '../support/csfle-vectors.js';
import { claim, submit } from '../support/jobs.js';
import {
  asAgent,
  type LeaseServer,
  passTime,
  sendLog,
  sendResult,
  startLeaseServer,
  storedJob,
} from '../support/leases.js';
import { readLog, readResult } from '../support/results.js';
import { putSecret, secretsOf, submitWith } from '../support/secrets.js';
import { startServer } from '../support/start-server.js';

const settings = { TESTFLINGER_SECRETS_MASTER_KEY: readCsfleVectors().masterKeyText };
const secret = 'k3y/With+"odd" chars & 40 characters €uro';

interface World {
  server: LeaseServer;
  jobId: string;
}

/** Starts a server and makes a job with secrets that the agent `a` has claimed. */
async function claimWithSecrets(
  t: ExecutionContext,
  values: Record<string, string> = { TOKEN: secret },
  more: Record<string, string> = {},
): Promise<World> {
  const server = await startLeaseServer(t, { ...settings, ...more });
  return { server, jobId: await claimAnother(server, values) };
}

async function claimAnother(server: LeaseServer, values: Record<string, string>): Promise<string> {
  const named: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) {
    await putSecret(server, `ci/${name}`, { value });
    named[name] = name;
  }
  const { body } = await submitWith(server, named);
  const job = await claim(server, ['q1'], 'a');
  if (job?.job_id !== (body as { job_id: string }).job_id) throw new Error('the agent got another job');
  return job.job_id as string;
}

/** Reads everything that is stored, and everything that the API returns about a job. */
async function readEverything({ server, jobId }: World): Promise<string> {
  const { db } = server.deps.connection;
  const names = (await db.listCollections().toArray()).map(({ name }) => name);
  const stored = await Promise.all(
    names.filter((name) => !name.startsWith('system.')).map((name) => db.collection(name).find().toArray()),
  );
  const headers = bearer(server, { role: 'manager', client_id: 'm' });
  const paths = [
    `/v1/result/${jobId}`,
    `/v1/result/${jobId}/log/output`,
    `/v1/result/${jobId}/log/serial`,
    `/v1/job/${jobId}`,
    '/v1/agents/data',
  ];
  const answers = await Promise.all(
    paths.map(async (path) => JSON.parse(await (await server.request(path, { headers })).text()) as unknown),
  );
  return textsOf([stored, answers]).join('\n');
}

/** Lists all texts and bytes in a value, including keys. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (typeof value !== 'object' || value === null) return [];
  const { buffer } = value as { buffer?: Uint8Array };
  if (buffer instanceof Uint8Array) return [Buffer.from(buffer).toString('latin1')];
  return Object.entries(value).flatMap(([key, item]) => [key, ...textsOf(item)]);
}

test('a secret is masked in results, logs, events, provision logs and agent data, also in keys', async (t) => {
  const hook = createServer();
  hook.listen(0, '127.0.0.1');
  await once(hook, 'listening');
  t.teardown(() => hook.close());
  const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}`;
  const world = await claimWithSecrets(t, { TOKEN: secret }, { WEBHOOK_URL: url });
  const { server, jobId } = world;
  const received = once(hook, 'request') as Promise<[IncomingMessage, { end(text: string): void }]>;
  await asAgent(server, 'a', '/v1/agents/data/a', { job_id: jobId, queues: ['q1'] });
  await asAgent(server, 'a', '/v1/agents/data/a', {
    log: [`ran with ${secret}`, 'second'],
    comment: `on ${secret}`,
  });
  await asAgent(server, 'a', '/v1/agents/provision_logs/a', {
    job_id: jobId,
    exit_code: 0,
    detail: `with ${secret}.`,
  });
  await sendResult(server, 'a', jobId, {
    job_state: 'test',
    status: { test: 3 },
    device_info: { list: [secret], [secret]: { 'a.b': `<${secret}>` } },
  });
  await sendLog(server, 'a', jobId, 0, `export TOKEN=${secret}\n`);
  const posted = asAgent(server, 'a', `/v1/job/${jobId}/events`, {
    job_status_webhook: `${url}/x`,
    events: [{ event_name: 'e', timestamp: 't', detail: secret }],
  });
  const [request, response] = await received;
  let sent = '';
  for await (const piece of request) sent += String(piece);
  response.end('ok');
  t.is((await posted).text, 'ok');
  t.deepEqual(JSON.parse(sent), { events: [{ event_name: 'e', timestamp: 't', detail: '***' }] });
  t.deepEqual(await readResult(server, jobId), {
    job_state: 'test',
    test_status: 3,
    device_info: { list: ['***'], '***': { 'a.b': '<***>' } },
    test_output: 'export TOKEN=***\n',
  });
  const agent = await server.deps.collections.agents.findOne({ name: 'a' });
  t.deepEqual([agent?.log, agent?.comment], [['ran with ***', 'second'], 'on ***']);
  for (const field of ['location', 'identifier', 'provision_type', 'state'] as const) {
    await asAgent(server, 'a', '/v1/agents/data/a', { job_id: jobId, [field]: `at ${secret}` });
    t.is((await server.deps.collections.agents.findOne({ name: 'a' }))?.[field], 'at ***', field);
  }
  t.like(await server.deps.collections.provisionLogs.findOne({ name: 'a' }), {
    provision_log: [{ detail: 'with ***.' }],
  });
  t.false((await readEverything(world)).includes(secret));
  t.false(server.logText().includes(secret));
});

test('a number that is written like a secret of digits is masked, and a secret is masked trimmed, in hex and quoted', async (t) => {
  const values = { PIN: '48151623', LINE: "  it's a secret \n" };
  const world = await claimWithSecrets(t, values);
  const { server, jobId } = world;
  await sendResult(server, 'a', jobId, {
    job_state: 'test',
    status: { test: 3 },
    device_info: { pin: 48151623, list: [-48151623, 481516230, { port: 4815 }], text: 'pin 48151623' },
  });
  const hex = Buffer.from("it's a secret").toString('hex');
  await sendLog(
    server,
    'a',
    jobId,
    0,
    `[it's a secret] ${hex} ${hex.toUpperCase()}\n+ echo 'it'\\''s a secret'\n`,
  );
  t.deepEqual(await readResult(server, jobId), {
    job_state: 'test',
    test_status: 3,
    device_info: { pin: '***', list: [-48151623, 481516230, { port: 4815 }], text: 'pin ***' },
    test_output: "[***] *** ***\n+ echo '***'\n",
  });
});

/** Makes the forms of `value` that leases.md lists, without the code of the server. */
function formsOf(value: string): Record<string, string> {
  const percent = encodeURIComponent(value);
  return {
    plain: value,
    json: JSON.stringify(value).slice(1, -1),
    percent,
    'percent in lower case': percent.replace(/%../g, (hex) => hex.toLowerCase()),
    'percent with plus': percent.replaceAll('%20', '+'),
    ...Object.fromEntries(
      [0, 1, 2].map((n) => [
        `base64 at ${n}`,
        Buffer.from('xx'.slice(0, n) + value + 'y').toString('base64'),
      ]),
    ),
    base64url: Buffer.from(value).toString('base64url'),
    hex: Buffer.from(value).toString('hex'),
  };
}

test('a secret of 40 characters, in each form, split over two fragments at each offset or over five, is found nowhere', async (t) => {
  const value = 'aZ09-_/+= "q" abcabcabcd&%41 x y z 12345';
  t.is(value.length, 40);
  const server = await startLeaseServer(t, settings);
  for (const [name, form] of Object.entries(formsOf(value))) {
    const jobId = await claimAnother(server, { TOKEN: value });
    const core = name.startsWith('base64 at') ? form.slice(2, -4) : form;
    let number = 0;
    const post = (text: string) => sendLog(server, 'a', jobId, number++, text);
    for (let at = 1; at < form.length; at += 1) {
      await post(`<${form.slice(0, at)}`);
      await post(`${form.slice(at)}>\n`);
    }
    const fifth = Math.ceil(form.length / 5);
    for (let part = 0; part < 5; part += 1) await post(form.slice(part * fifth, (part + 1) * fifth));
    await post('\nend\n');
    await sendResult(server, 'a', jobId, { status: { test: 0 }, job_state: 'complete' });
    const everything = await readEverything({ server, jobId });
    t.false(everything.includes(core), name);
    const { test: log } = await readLog(server, jobId);
    t.is(log?.last_fragment_number, number - 1);
    t.true(log?.log_data.endsWith('***\nend\n') || name.startsWith('base64'), log?.log_data.slice(-60));
  }
});

test('a PEM key that is sent line by line is masked in each line', async (t) => {
  const lines = [
    '-----BEGIN PRIVATE KEY-----',
    ...Array.from({ length: 12 }, (_, n) => Buffer.alloc(48, n + 65).toString('base64')),
    '-----END PRIVATE KEY-----',
  ];
  const world = await claimWithSecrets(t, { KEY: `${lines.join('\n')}\n` });
  for (const [n, line] of lines.entries())
    await sendLog(world.server, 'a', world.jobId, n, `+ echo ${line}\n`);
  await sendResult(world.server, 'a', world.jobId, { job_state: 'complete' });
  const everything = await readEverything(world);
  for (const line of lines) t.false(everything.includes(line), line);
  t.is((await readLog(world.server, world.jobId)).test?.log_data, '+ echo ***\n'.repeat(lines.length));
});

test('held text is released once, with the next fragment or at the end of the phase', async (t) => {
  const { server, jobId } = await claimWithSecrets(t);
  const begun = secret.slice(0, 10);
  const text = async (phase = 'test') => (await readLog(server, jobId))[phase]?.log_data;
  await sendLog(server, 'a', jobId, 0, `one ${begun}`);
  t.is(await text(), 'one ');
  await sendLog(server, 'a', jobId, 0, `one ${begun}`);
  await sendLog(server, 'a', jobId, 1, ` two ${begun}`);
  t.is(await text(), `one ${begun} two `);
  t.is((await readLog(server, jobId)).test?.last_fragment_number, 1);
  await sendLog(server, 'a', jobId, 2, begun.slice(0, 5), 'reserve');
  t.deepEqual((await readLog(server, jobId)).reserve, { last_fragment_number: 2, log_data: '' });
  await sendResult(server, 'a', jobId, { status: { setup: 0 } });
  t.is(await text(), `one ${begun} two `, 'another phase ended');
  await sendResult(server, 'a', jobId, { status: { setup: 0, test: 0 } });
  await sendResult(server, 'a', jobId, { status: { setup: 0, test: 0 } });
  t.is(await text(), `one ${begun} two ${begun}`);
  t.is(await text('reserve'), '');
  await Promise.all([1, 2].map(() => sendResult(server, 'a', jobId, { job_state: 'complete' })));
  t.is(await text('reserve'), begun.slice(0, 5));
  t.is(await server.deps.collections.logs.countDocuments({ held: { $exists: true } }), 0);
});

test('held text is stored encrypted', async (t) => {
  const world = await claimWithSecrets(t);
  await sendLog(world.server, 'a', world.jobId, 0, secret.slice(0, 20));
  t.is(await world.server.deps.collections.logs.countDocuments({ held: { $exists: true } }), 1);
  t.false((await readEverything(world)).includes(secret.slice(0, 20)));
});

test('the held text of a lost attempt is released, and its late texts contain no secret, not even in pieces', async (t) => {
  const world = await claimWithSecrets(t);
  const { server, jobId } = world;
  await sendLog(server, 'a', jobId, 0, `x ${secret.slice(0, 8)}`);
  await passTime(server, 900);
  t.is(
    (await readLog(server, jobId)).test?.log_data,
    `x ${secret.slice(0, 8)}Queuepass: a was lost, attempt 1 of 2\n`,
  );
  await claim(server, ['q1'], 'b');
  for (const [n, text] of [secret, secret.slice(0, 20), secret.slice(20)].entries()) {
    t.true((await sendLog(server, 'a', jobId, n + 1, text)).isDiscarded);
  }
  t.true((await sendResult(server, 'a', jobId, { device_info: { x: secret } })).isDiscarded);
  const late = (await storedJob(server, jobId)).attempts?.[0]?.late ?? [];
  t.is(late.length, 4);
  const texts = late.slice(0, 3).map(({ text }) => (JSON.parse(text) as { log_data: string }).log_data);
  t.false(texts.join('').includes(secret));
  t.false((await readEverything(world)).includes(secret));
});

test('an ephemeral secret is available to the next attempt, whether the lease was lost or the claim was undone', async (t) => {
  const server = await startLeaseServer(t, settings);
  await putSecret(server, 'ci/once', { value: secret, ephemeral: true });
  await putSecret(server, 'ci/other', { value: 'another secret' });
  await submitWith(server, { ONCE: 'once', OTHER: 'other' });
  const given = { ONCE: secret, OTHER: 'another secret' };
  const first = await claim(server, ['q1'], 'a');
  t.deepEqual(secretsOf(first), given);
  await passTime(server, 900);
  t.deepEqual(secretsOf(await claim(server, ['q1'], 'b')), given);
  // For another job that names it, the secret no longer exists.
  t.is((await submitWith(server, { ONCE: 'once' })).status, 422);
  // A resubmitted job starts anew and gets the current value in the store.
  await putSecret(server, 'ci/once', { value: 'a new value' });
  const job = { job_id: first?.job_id as string, job_queue: 'q1', test_data: { secrets: { ONCE: 'once' } } };
  const headers = { ...bearer(server, { client_id: 'ci' }), 'content-type': 'application/json' };
  t.is((await server.request('/v1/job', { method: 'POST', body: JSON.stringify(job), headers })).status, 200);
  t.deepEqual(secretsOf(await claim(server, ['q1'], 'c')), { ONCE: 'a new value' });
});

test('the secret values of a job are stored encrypted, and expire an hour after its end', async (t) => {
  const { server, jobId } = await claimWithSecrets(t);
  const { jobMasks } = server.deps.collections;
  const now = server.clock.now().getTime();
  const expiry = async () => ((await jobMasks.findOne({ job_id: jobId }))?.expire_at.getTime() ?? 0) - now;
  t.is(await expiry(), 8 * 24 * 3600 * 1000);
  await sendResult(server, 'a', jobId, { job_state: 'complete' });
  t.is(await expiry(), 3600 * 1000);
});

test('a new signing key disturbs no job, and a server without the master key withholds texts', async (t) => {
  const { server, jobId } = await claimWithSecrets(t);
  const database = server.deps.connection.db.databaseName;
  const others: [Record<string, string>, string][] = [
    [{ JWT_SIGNING_KEY: 'another signing key, long enough for HS256' }, 'x ***\n'],
    [{ TESTFLINGER_SECRETS_MASTER_KEY: '' }, '***\n'],
  ];
  for (const [n, [change, expected]] of others.entries()) {
    const given = Object.fromEntries(
      Object.entries({ ...settings, ...change }).filter(([, value]) => value !== ''),
    );
    const second = await startServer(t, { settings: given, database, clock: server.clock });
    t.is((await sendLog(second, 'a', jobId, n, `x ${secret}\n`)).status, 200);
    const { test: log } = await readLog(server, jobId, `?start_fragment=${n}`);
    t.is(log?.log_data, expected);
  }
});

test('tokens of this server are masked in every job', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await claim(server, ['q1'], 'a');
  const token = bearer(server).authorization.slice('Bearer '.length);
  const key = `qpk_${'a'.repeat(12)}_${'B'.repeat(43)}`;
  await sendLog(server, 'a', jobId, 0, `curl -H 'Authorization: Bearer ${token}' ${key}\n`);
  await sendResult(server, 'a', jobId, { job_state: 'test', device_info: { token } });
  t.deepEqual(await readResult(server, jobId), {
    job_state: 'test',
    device_info: { token: '***' },
    test_output: "curl -H 'Authorization: Bearer ***' ***\n",
  });
});

test('texts without a secret are returned unchanged, however they are cut', async (t) => {
  const server = await startLeaseServer(t, settings);
  const piece = fc.string({
    unit: fc.constantFrom('a', 'b', 'k', '3', 'y', '\n', '€', '\ud83d', '\u0000', '%'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 8 }), async (pieces) => {
      fc.pre(!pieces.join('').includes('k3y3k3y'));
      const jobId = await claimAnother(server, { TOKEN: 'k3y3k3y' });
      for (const [n, text] of pieces.entries()) await sendLog(server, 'a', jobId, n, text);
      await sendResult(server, 'a', jobId, { job_state: 'complete', status: { test: 0 } });
      t.is((await readLog(server, jobId)).test?.log_data, pieces.join(''));
    }),
    { numRuns: 30 },
  );
});

test('any secret, in any fragments, is not in the log', async (t) => {
  const server = await startLeaseServer(t, settings);
  const unit = fc.constantFrom('a', 'b', '/', '"', '€', ' ');
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit, minLength: 4, maxLength: 12 }),
      fc.array(fc.tuple(fc.string({ unit, maxLength: 5 }), fc.nat(8)), { minLength: 1, maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 15 }), { minLength: 1, maxLength: 30 }),
      async (value, parts, cuts) => {
        fc.pre(value.trim().length >= 4);
        const forms = Object.values(formsOf(value));
        const text = parts.map(([before, n]) => before + (forms[n] ?? '')).join('');
        const jobId = await claimAnother(server, { TOKEN: value });
        let number = 0;
        for (let at = 0; at < text.length; number += 1) {
          const length = cuts[number % cuts.length] as number;
          await sendLog(server, 'a', jobId, number, text.slice(at, at + length));
          at += length;
        }
        await sendResult(server, 'a', jobId, { job_state: 'complete', status: { test: 0 } });
        const log = (await readLog(server, jobId)).test?.log_data ?? '';
        for (const [name, form] of Object.entries(formsOf(value))) {
          if (!name.startsWith('base64')) t.false(log.includes(form), `${name}: ${form} in ${log}`);
        }
      },
    ),
    { numRuns: 30 },
  );
});
