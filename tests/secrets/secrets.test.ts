import test from 'ava';
import { MongoNetworkError } from 'mongodb';
import { bearer } from '../support/clients.js';
import { claim, submit } from '../support/jobs.js';
import {
  deleteSecret,
  putSecret,
  type SecretAnswer,
  secretsOf,
  secretsStores,
  submitWith,
} from '../support/secrets.js';
import { startServer } from '../support/start-server.js';
import { clockOf } from '../support/tokens.js';

const refusal = (status: number, message: string, detail: object = {}): SecretAnswer => ({
  status,
  body: { message, detail },
});
const inaccessible = (paths: string) => refusal(422, `Inaccessible secret paths: ${paths}`);
/** Makes a clock that stands still until the test moves it. */
function makeClock(at: string) {
  let now = Date.parse(at);
  return Object.assign(
    clockOf(() => new Date(now)),
    { pass: (seconds: number) => void (now += seconds * 1000) },
  );
}

for (const [name, choose] of Object.entries(secretsStores)) {
  test(`${name}: a job gets the values of its secrets, and its record never contains them`, async (t) => {
    const server = await startServer(t, { settings: await choose(t) });
    t.is((await putSecret(server, 'ci/api/token', { value: 's3cr3t-välue "\n\0' })).status, 200);
    t.is((await putSecret(server, 'ci/plain', { value: 'plain value' })).status, 200);
    const secrets = { TOKEN: 'api/token', AGAIN: 'api/token', __proto__x: 'plain' };
    const { status, body } = await submitWith(server, secrets);
    t.is(status, 200);
    const { job_id: jobId } = body as { job_id: string };
    const stored = await server.deps.collections.jobs.findOne({ job_id: jobId });
    t.is(stored?.job_data.client_id, 'ci');
    const shown = (await (await server.request(`/v1/job/${jobId}`)).json()) as Record<string, unknown>;
    t.deepEqual(shown.test_data, { test_cmds: 'ls', secrets });
    t.false('client_id' in shown);
    const taken = await claim(server);
    t.deepEqual(taken?.test_data, {
      test_cmds: 'ls',
      secrets: { TOKEN: 's3cr3t-välue "\n\0', AGAIN: 's3cr3t-välue "\n\0', __proto__x: 'plain value' },
    });
    t.is(taken?.client_id, 'ci');
    const after = await server.deps.collections.jobs.findOne({ job_id: jobId });
    t.deepEqual((after?.job_data.test_data as { secrets: unknown }).secrets, secrets);
  });

  test(`${name}: a secret is replaced by the next one, and is no longer available once it is removed`, async (t) => {
    const server = await startServer(t, { settings: await choose(t) });
    await putSecret(server, 'ci/a', { value: 'first' });
    await putSecret(server, 'ci/a', { value: 'second' });
    await submitWith(server, { A: 'a' });
    t.deepEqual(secretsOf(await claim(server)), { A: 'second' });
    await submitWith(server, { A: 'a' });
    t.deepEqual(await deleteSecret(server, 'ci/a'), { status: 200, body: 'OK' });
    t.deepEqual(secretsOf(await claim(server)), { A: '' });
    t.deepEqual(await submitWith(server, { A: 'a' }), inaccessible('a'));
    t.deepEqual(await deleteSecret(server, 'ci/a'), { status: 200, body: 'OK' });
    await putSecret(server, 'ci/a', { value: 'third' });
    await submitWith(server, { A: 'a' });
    t.deepEqual(secretsOf(await claim(server)), { A: 'third' });
  });

  test(`${name}: each client can read only its own secrets, and a job without a client id gets none`, async (t) => {
    const server = await startServer(t, { settings: await choose(t) });
    await putSecret(server, 'other/a', { value: 'of the other' });
    await putSecret(server, 'c.i@x$y/a', { value: 'of an odd name' });
    t.deepEqual(await submitWith(server, { A: 'a' }), inaccessible('a'));
    const odd = bearer(server, { client_id: 'c.i@x$y' });
    t.is((await submitWith(server, { A: 'a' }, odd)).status, 200);
    t.deepEqual(secretsOf(await claim(server)), { A: 'of an odd name' });
    const { jobs } = server.deps.collections;
    await submitWith(server, { A: 'a' }, odd);
    await jobs.updateMany({}, { $unset: { 'job_data.client_id': true } });
    t.deepEqual(secretsOf(await claim(server)), { A: '' });
  });

  test(`${name}: inaccessible paths are reported in order, whatever the reason`, async (t) => {
    const server = await startServer(t, { settings: await choose(t) });
    await putSecret(server, 'ci/there', { value: 'x' });
    await putSecret(server, 'other/theirs', { value: 'x' });
    const secrets = {
      A: 'z/z',
      B: 'there',
      C: 'theirs',
      D: '/there',
      E: 'there/',
      F: 'a//b',
      G: 'z/z',
      H: 'Z',
    };
    t.deepEqual(await submitWith(server, secrets), inaccessible('/there, Z, a//b, theirs, there/, z/z'));
    t.is(await server.deps.collections.jobs.countDocuments(), 0);
  });

  test(`${name}: a secret expires after its time, or after a year when none is given, or never`, async (t) => {
    const clock = makeClock('2090-11-23T03:41:25.922Z');
    const server = await startServer(t, { settings: await choose(t), clock });
    const expiring = (at: string | null): SecretAnswer => ({ status: 200, body: { expires_at: at } });
    t.deepEqual(
      await putSecret(server, 'ci/year', { value: 'x' }),
      expiring('2091-11-23T03:41:25.922000+00:00'),
    );
    const minute = { value: 'x', expire_after: '60', ephemeral: false };
    t.deepEqual(await putSecret(server, 'ci/minute', minute), expiring('2090-11-23T03:42:25.922000+00:00'));
    const century = { value: 'x', expire_after: 100 * 365 * 24 * 3600 };
    t.deepEqual(await putSecret(server, 'ci/long', century), expiring('2190-10-30T03:41:25.922000+00:00'));
    t.deepEqual(await putSecret(server, 'ci/once', { value: 'x', ephemeral: true }), expiring(null));
    t.deepEqual(await putSecret(server, 'ci/never', { value: 'x', expire_after: null }), expiring(null));
    clock.pass(59);
    const all = { A: 'year', B: 'minute', C: 'long', D: 'once' };
    const token = bearer(server, { client_id: 'ci' });
    t.is((await submitWith(server, all, token)).status, 200);
    clock.pass(1);
    t.deepEqual(secretsOf(await claim(server)), { A: 'x', B: '', C: 'x', D: 'x' });
    t.deepEqual(
      await submitWith(server, all, bearer(server, { client_id: 'ci' })),
      inaccessible('minute, once'),
    );
    clock.pass(365 * 24 * 3600 - 60);
    const later = bearer(server, { client_id: 'ci' });
    t.deepEqual(await submitWith(server, all, later), inaccessible('minute, once, year'));
    clock.pass(200 * 365 * 24 * 3600);
    await submitWith(server, { A: 'never' }, bearer(server, { client_id: 'ci' }));
    t.deepEqual(secretsOf(await claim(server)), { A: 'x' });
  });

  test(`${name}: submits do not consume an ephemeral secret, and exactly one of many concurrent claims gets it`, async (t) => {
    const server = await startServer(t, { settings: await choose(t) });
    for (let round = 0; round < 5; round++) {
      await putSecret(server, 'ci/once', { value: `value ${round}`, ephemeral: true });
      for (let i = 0; i < 6; i++) t.is((await submitWith(server, { A: 'once', B: 'once' })).status, 200);
      const jobs = await Promise.all(
        Array.from({ length: 6 }, (_, i) => claim(server, ['q1'], `agent-${i}`)),
      );
      const values = jobs.map(secretsOf) as { A: string; B: string }[];
      t.deepEqual(
        values.filter(({ A }) => A !== ''),
        [{ A: `value ${round}`, B: `value ${round}` }],
      );
      t.deepEqual(await submitWith(server, { A: 'once' }), inaccessible('once'));
    }
    await putSecret(server, 'ci/once', { value: 'lasting now' });
    await submitWith(server, { A: 'once' });
    await submitWith(server, { A: 'once' });
    t.deepEqual(secretsOf(await claim(server)), { A: 'lasting now' });
    t.deepEqual(secretsOf(await claim(server)), { A: 'lasting now' });
  });

  test(`${name}: an ephemeral secret stays reserved for the job whose claim was interrupted while it took the secret`, async (t) => {
    const server = await startServer(t, { settings: await choose(t) });
    await putSecret(server, 'ci/once', { value: 'a value', ephemeral: true });
    for (let i = 0; i < 2; i++) await submitWith(server, { A: 'once' });
    const { jobMasks } = server.deps;
    const add = jobMasks.add.bind(jobMasks);
    // Simulates a process that ends right after it has marked the secret.
    jobMasks.add = () => Promise.reject(new MongoNetworkError('the process is gone'));
    const agent = { ...bearer(server, { client_id: 'a', role: 'agent' }), cookie: 'agent_name=a' };
    t.is((await server.request('/v1/job?queue=q1', { headers: agent })).status, 503);
    jobMasks.add = add;
    t.deepEqual(await submitWith(server, { A: 'once' }), inaccessible('once'));
    const { jobs } = server.deps.collections;
    const [first] = await jobs.find().sort({ created_at: 1 }).toArray();
    await jobs.updateOne({ job_id: first?.job_id as string }, { $set: { job_priority: -1 } });
    t.deepEqual(secretsOf(await claim(server)), { A: '' });
    t.deepEqual(secretsOf(await claim(server)), { A: 'a value' });
  });

  test(`${name}: of concurrent first values for one path one is stored`, async (t) => {
    const server = await startServer(t, { settings: await choose(t) });
    const values = Array.from({ length: 12 }, (_, i) => `value ${i}`);
    const answers = await Promise.all(values.map((value) => putSecret(server, 'ci/a', { value })));
    t.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    await submitWith(server, { A: 'a' });
    t.true(values.includes((secretsOf(await claim(server)) as { A: string }).A));
    await deleteSecret(server, 'ci/a');
    t.deepEqual(await submitWith(server, { A: 'a' }), inaccessible('a'));
  });

  test(`${name}: the rules of PUT and DELETE are checked in order`, async (t) => {
    const server = await startServer(t, { settings: await choose(t) });
    const invalid = (json: object) => refusal(422, 'Validation error', { json });
    const agent = bearer(server, { client_id: 'ci', role: 'agent' });
    const role = refusal(403, 'Specified action requires role: contributor, manager, admin');
    t.deepEqual(await putSecret(server, 'ci/a', { wrong: 1 }, agent), role);
    const required = ['Missing data for required field.'];
    t.deepEqual(await putSecret(server, 'ci/a$', {}, {}), invalid({ value: required }));
    const badPath = invalid({ path: ['String does not match expected pattern.'] });
    for (const path of ['a$', 'a%20b', '%C3%A4', 'a//b', 'a.b', 'a/', 'a/b/', 'a//', 'a%2F', 'a/$b']) {
      const place = `ci/${path}`;
      t.deepEqual(await putSecret(server, place, { value: 'x' }, {}), badPath, path);
      t.is((await deleteSecret(server, place, {})).status, 422, path);
    }
    const login = refusal(401, 'A login (known client_id) is required to securely store information.');
    t.deepEqual(await putSecret(server, 'ci/a', { value: 'x' }, {}), login);
    const admin = bearer(server, { client_id: 'boss', role: 'admin' });
    const other = refusal(403, "'ci' doesn't match authenticated client id");
    t.deepEqual(await putSecret(server, 'ci/a', { value: 'x' }, admin), other);
    await putSecret(server, 'ci/a', { value: 'x' });
    for (const path of ['a', 'missing']) {
      const answer = await deleteSecret(server, `ci/${path}`, admin);
      t.deepEqual({ ...answer, body: JSON.parse(answer.body as string) as unknown }, other);
      const anonymous = await deleteSecret(server, `ci/${path}`, {});
      t.deepEqual({ ...anonymous, body: JSON.parse(anonymous.body as string) as unknown }, login);
    }
    t.is((await submitWith(server, { A: 'a' })).status, 200);
  });

  test(`${name}: no log line contains a value`, async (t) => {
    const server = await startServer(t, { settings: { LOG_LEVEL: 'debug', ...(await choose(t)) } });
    const value = 'a value that nobody may see';
    await putSecret(server, 'ci/a', { value, ephemeral: true });
    await putSecret(server, 'ci/b', { value, expire_after: 0 });
    await putSecret(server, 'ci/c', { value }, {});
    await submitWith(server, { A: 'a' });
    t.deepEqual(secretsOf(await claim(server)), { A: value });
    t.false(server.logText().includes(value));
    t.true(server.logText().includes('secret_changed'));
  });
}

test('each field of the body is checked, and ephemeral and expire_after exclude each other', async (t) => {
  const server = await startServer(t);
  const invalid = (json: object) => refusal(422, 'Validation error', { json });
  for (const [body, reasons] of [
    [{ value: '' }, { value: ['Shorter than minimum length 1.'] }],
    [{ value: 5 }, { value: ['Not a valid string.'] }],
    [{ value: null }, { value: ['Field may not be null.'] }],
    [{ value: 'x', other: 1 }, { other: ['Unknown field.'] }],
    [{ value: 'x', expire_after: 0 }, { expire_after: ['Must be greater than or equal to 1.'] }],
    [
      { value: 'x', expire_after: 3153600001 },
      { expire_after: ['Must be less than or equal to 3153600000.'] },
    ],
    [{ value: 'x', expire_after: 1.5 }, { expire_after: ['Not a valid integer.'] }],
    [{ value: 'x', ephemeral: 'maybe' }, { ephemeral: ['Not a valid boolean.'] }],
    [
      { value: 'x', ephemeral: true, expire_after: 5 },
      { _schema: ['ephemeral and expire_after exclude each other.'] },
    ],
  ] as const) {
    t.deepEqual(await putSecret(server, 'ci/a', body), invalid(reasons), JSON.stringify(body));
  }
  t.deepEqual(
    await putSecret(server, 'ci/a', { value: 'x', ephemeral: true, expire_after: null }),
    refusal(400, 'No secrets store'),
  );
});

test('without a secrets store each route reports that, before it checks the login', async (t) => {
  const server = await startServer(t);
  const none = refusal(400, 'No secrets store');
  t.deepEqual(await putSecret(server, 'ci/a', { value: 'x' }, {}), none);
  const answer = await deleteSecret(server, 'ci/a', {});
  t.deepEqual({ ...answer, body: JSON.parse(answer.body as string) as unknown }, none);
  t.deepEqual(await submitWith(server, { A: 'a' }, {}), refusal(422, 'No secrets store'));
});

test('a job with a secrets field, even an empty one, needs a client id', async (t) => {
  const server = await startServer(t, {
    settings: await (secretsStores.MongoDB as () => Promise<Record<string, string>>)(),
  });
  const missing = refusal(422, 'Missing client ID (user not authenticated)');
  t.deepEqual(await submitWith(server, {}, {}), missing);
  t.deepEqual(await submitWith(server, { A: 'a' }, {}), missing);
  t.is((await submitWith(server, {})).status, 200);
  const taken = await claim(server);
  t.is(taken?.client_id, 'ci');
  t.deepEqual(secretsOf(taken), {});
  await submit(server, {}, bearer(server, { client_id: 'ci' }));
  t.false('client_id' in ((await claim(server)) ?? {}));
});

test('a path can contain slashes, escaped or not', async (t) => {
  const server = await startServer(t, {
    settings: await (secretsStores.MongoDB as () => Promise<Record<string, string>>)(),
  });
  await putSecret(server, 'ci/a/b', { value: '1' });
  await putSecret(server, 'ci/c%2Fd', { value: '2' });
  await submitWith(server, { A: 'a/b', B: 'c/d' });
  t.deepEqual(secretsOf(await claim(server)), { A: '1', B: '2' });
  t.is((await server.request('/v1/secrets/ci', { method: 'DELETE' })).status, 404);
  const wrong = await server.request('/v1/secrets/ci/a/b');
  t.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'DELETE, PUT']);
});

test('a job can name at most 1,000 paths, and any number of identifiers', async (t) => {
  const server = await startServer(t, {
    settings: await (secretsStores.MongoDB as () => Promise<Record<string, string>>)(),
  });
  const naming = (count: number, path: (i: number) => string) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`S${i}`, path(i)]));
  await putSecret(server, 'ci/a', { value: 'x' });
  t.is(
    (
      await submitWith(
        server,
        naming(1001, () => 'a'),
      )
    ).status,
    200,
  );
  t.deepEqual(
    secretsOf(await claim(server)),
    naming(1001, () => 'x'),
  );
  const paths = Array.from({ length: 1000 }, (_, i) => `p${i}`);
  t.deepEqual(
    await submitWith(
      server,
      naming(1000, (i) => `p${i}`),
    ),
    inaccessible(paths.sort().join(', ')),
  );
  const tooLong = { json: { test_data: { secrets: ['Longer than maximum length 1000.'] } } };
  t.deepEqual(
    await submitWith(
      server,
      naming(1001, (i) => `p${i}`),
    ),
    refusal(422, 'Validation error', tooLong),
  );
});
