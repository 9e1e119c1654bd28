import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { MongoClient } from 'mongodb';
import { request } from 'undici';
import { indexTable, openCollections } from '../../server/areas.js';
import { jsonBody } from '../support/clients.js';
import { asAdmin, Host } from '../support/drill.js';
import { dump, restore } from '../support/dump.js';
import { Operator } from '../support/operator.js';
import { makeFolder, startOwnMongod, waitUntil } from '../support/own-mongod.js';
import { loginWith, People, passOf, signingKey } from '../support/people.js';
import { runQueuepass } from '../support/queuepass.js';
import { makeFragment } from '../support/results.js';
import { makeMasterKey } from '../support/secrets.js';
import { grant, type ServerProcess } from '../support/server-process.js';
import { digest, makeBytes, upload } from '../support/uploads.js';

const hour = 3_600_000;

/** Starts a MongoDB with a client, and makes a host of servers that use it. */
async function start(t: ExecutionContext, masterKey: string) {
  const { uri } = await startOwnMongod(t, makeFolder());
  const client = new MongoClient(uri);
  t.teardown(() => client.close());
  const host = new Host(t, {
    MONGODB_URI: uri,
    JWT_SIGNING_KEY: signingKey,
    TESTFLINGER_SECRETS_MASTER_KEY: masterKey,
  });
  return { client, host, collections: openCollections(client.db('testflinger_db')) };
}

test('a server on a restored old dump continues from its state, lets agents keep their jobs, and its log shows which jobs are lost', async (t) => {
  const masterKey = makeMasterKey();
  const before = await start(t, masterKey);
  const people = new People(t, await before.host.restart(0));
  const { stdout: adminKey } = await runQueuepass(['admin', 'reset-key'], {
    environment: before.host.settings,
  });
  before.host.write('admin-key', adminKey);
  const admin = (server: ServerProcess, ...args: string[]) =>
    runQueuepass(args, { environment: asAdmin(server), cwd: before.host.folder });
  const ciKey = (await admin(people.server, 'client', 'add', 'ci')).stdout.trim();
  const put = { ...jsonBody({ value: 'a value' }, passOf('ci', 'contributor')), method: 'PUT' };
  await people.must('/v1/secrets/ci/a', put);
  const held = await people.submit({ job_queue: 'held' });
  await people.claim('agent-1', 'held');
  const left = await people.submit({ job_queue: 'left' });
  await people.claim('agent-2', 'left');
  const waiting = await people.submit({ job_queue: 'later' });
  const bytes = makeBytes(700_000);
  const artifact = `/v1/result/${held}/artifact`;
  await people.must(artifact, upload(bytes, passOf('agent-1', 'agent')));
  const piece = jsonBody(makeFragment({ log_data: 'of before\n' }), passOf('agent-1', 'agent'));
  await people.must(`/v1/result/${held}/log/output`, piece);

  // The dump is some hours old when it is restored.
  const { serviceBeats } = before.collections;
  const earlier = (field: string) => [{ $set: { [field]: { $subtract: [`$${field}`, 5 * hour] } } }];
  await people.server.request('/readyz');
  await waitUntil(async () => (await serviceBeats.findOne({ _id: 'sweep_leases' })) !== null);
  const folder = makeFolder();
  await dump(before.client, ['testflinger_db', 'encryption'], folder);

  // Changes after the dump, which the restore loses.
  const lost = await people.submit({ job_queue: 'lost' });
  await people.claim('agent-3', 'later');
  const { refresh_token: lateToken } = JSON.parse(
    await people.must('/v1/oauth2/token', loginWith('ci', ciKey)),
  ) as { refresh_token: string };
  const keyId = ciKey.split('_')[1] as string;
  await admin(people.server, 'client', 'key', 'remove', 'ci', keyId);
  t.is((await grant(people.server, ciKey, 'ci')).status, 401);
  await before.host.stop(0);
  const serverLog = people.server.stdout();

  const after = await start(t, masterKey);
  await restore(after.client, folder);
  const restored = after.collections;
  for (const field of ['lease.until', 'created_at'])
    await restored.jobs.updateMany({ [field]: { $exists: true } } as object, earlier(field));
  await restored.serviceBeats.updateMany({ last_sweep_at: { $exists: true } }, earlier('last_sweep_at'));
  await restored.locks.updateMany({}, earlier('until'));
  t.true(
    ((await restored.jobs.findOne({ job_id: held }))?.lease?.until as Date).getTime() < Date.now() - hour,
  );
  after.host.settings.AGENT_LEASE_SECONDS = '6';
  people.server = await after.host.restart(0);
  for (const { collection, name } of indexTable) {
    const present = await restored[collection as keyof typeof restored].indexExists(name);
    t.true(present, `${collection} ${name}`);
  }

  // The first sweep renews the leases. An agent that sends a request keeps its job, and the job's files are restored.
  await waitUntil(async () => {
    const job = await restored.jobs.findOne({ job_id: held });
    return (job?.lease?.until?.getTime() ?? 0) > Date.now();
  });
  const posted = await people.postResult('agent-1', held, { status: { setup: 0 }, job_state: 'test' });
  t.deepEqual([posted.status, posted.headers.get('queuepass-discarded')], [200, null]);
  t.is(await people.stateOf(left), 'running', 'the restore ends no lease');
  // fetch would decompress the artifact.
  const file = await request(people.server.url + artifact, { headers: passOf('ci', 'contributor') });
  t.is(digest(await file.body.bytes()), digest(bytes));
  t.regex(await people.must(`/v1/result/${held}/log/output`), /of before/);

  // A job claimed after the dump continues with its agent. For a job submitted after it, posts get 200 and store
  // nothing.
  t.is(await people.stateOf(waiting), 'waiting');
  t.is((await people.postResult('agent-3', waiting, { job_state: 'provision' })).status, 200);
  t.is((await restored.jobs.findOne({ job_id: waiting }))?.lease?.holder, 'agent-3');
  t.is((await people.postResult('agent-4', lost, { job_state: 'complete' })).status, 200);
  await people.must(`/v1/job/${lost}`, undefined, 204);

  // Keys, tokens and secrets are those of the dump.
  t.is(
    (await grant(people.server, ciKey, 'ci')).status,
    200,
    'a key that was removed after the dump is valid again',
  );
  const refreshed = await people.server.request('/v1/oauth2/refresh', jsonBody({ refresh_token: lateToken }));
  t.deepEqual(
    [refreshed.status, await refreshed.json()],
    [400, { message: 'Invalid refresh token.', detail: {} }],
  );
  await people.submit({ job_queue: 'secret', test_data: { secrets: { A: 'a' } } });
  t.deepEqual((await people.claim('agent-5', 'secret')).test_data, { secrets: { A: 'a value' } });

  // The agent that does not come back loses its job when the lease expires.
  await waitUntil(async () => (await people.stateOf(left)) === 'waiting');
  t.is((await people.claim('agent-6', 'left')).job_id, left);

  const operator = new Operator('recover.md', before.host.folder, asAdmin(people.server));
  before.host.write('server.log', serverLog);
  const listLost = `grep '"method":"POST","route":"/v1/job","status":200' server.log | grep -o '"job_id":"[^"]*"' | cut -d '"' -f 4 | sort -u > acknowledged
while read -r ID; do npx queuepass job show "$ID" > /dev/null 2>&1 || echo "$ID"; done < acknowledged`;
  t.is(await operator.run(listLost), `${lost}\n`);
  const listEnded = `grep '"log":"security"' server.log | grep -E '"event":"(client_changed|client_removed|client_key_removed|token_revoked|restriction_changed|secret_removed)"'`;
  const ended = (await operator.run(listEnded)).trim().split('\n');
  t.true(ended.some((line) => line.includes('client_key_removed') && line.includes(keyId)));
});

test('a data directory that was backed up while its server was down is restored completely, with its keys', async (t) => {
  const host = new Host(t, {});
  const operator = new Operator('recover.md', host.folder);
  const people = new People(t, await host.restart(0));
  const readKey = () => readFileSync(join(host.folder, '.queuepass', 'admin-key'), 'utf8').trim();
  const key = readKey();
  const pass = await (await grant(people.server, key)).text();
  const submit = async () => {
    const text = await people.must('/v1/job', jsonBody({ job_queue: 'q1' }));
    return (JSON.parse(text) as { job_id: string }).job_id;
  };
  const kept = await submit();
  await host.stop(0);
  await operator.run(`umask 077
tar -czf queuepass-backup.tgz .queuepass`);
  people.server = await host.restart(0);
  const lost = await submit();
  await runQueuepass(['admin', 'reset-key'], { cwd: host.folder });
  t.not(readKey(), key);

  await host.stop(0);
  await operator.run(`mv .queuepass .queuepass.broken
   tar -xzpf queuepass-backup.tgz`);
  people.server = await host.restart(0);
  await people.must(`/v1/job/${kept}`);
  await people.must(`/v1/job/${lost}`, undefined, 204);
  t.is(readKey(), key);
  t.is((await grant(people.server, key)).status, 200);
  await people.must('/v1/client-permissions', { headers: { authorization: `Bearer ${pass}` } });
  const doctor = await runQueuepass(['doctor'], { cwd: host.folder });
  t.is(doctor.status, 0, doctor.stderr);
  t.true(doctor.stdout.endsWith('No problems found.\n'), doctor.stdout);
});
