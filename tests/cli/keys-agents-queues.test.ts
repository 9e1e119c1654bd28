import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { makeClientKey } from '../../server/clients/client-keys.js';
import { addClient, jsonBody } from '../support/clients.js';
import { makeFolder } from '../support/own-mongod.js';
import { addActor, runQueuepass } from '../support/queuepass.js';
import { startServer, type TestServer } from '../support/start-server.js';

function login(server: TestServer, id: string, key: string): Promise<Response> {
  return server.request(`/v1/authenticate/token/${id}`, { headers: { 'client-key': key } });
}

test.serial('client key add creates another key, list prints it, and remove deletes it', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'manager');
  const { key: first } = await addActor(server, 'contributor', 'lab-ci');
  const args = ['client', 'key', 'add', 'lab-ci', '--expires-after', '90d', '--label', 'rotated'];
  const added = await runQueuepass(args, { environment });
  t.is(added.status, 0, added.stderr);
  const key = added.stdout.trim();
  const keyId = key.slice(4, 16);
  t.regex(added.stderr, new RegExp(`^The key ${keyId} of lab-ci is valid until 20..-.*Z\\. `));
  t.deepEqual(
    [(await login(server, 'lab-ci', key)).status, (await login(server, 'lab-ci', first)).status],
    [200, 200],
  );
  const stored = await server.deps.collections.clientKeys.findOne({ key_id: keyId });
  t.is((stored?.expires_at?.getTime() ?? 0) - (stored?.created_at.getTime() ?? 0), 90 * 24 * 3600 * 1000);

  const list = await runQueuepass(['client', 'key', 'list', 'lab-ci'], { environment });
  const rows = list.stdout.trim().split('\n');
  t.regex(rows[0] ?? '', /^KEY +LABEL +CREATED +EXPIRES +LAST USED$/);
  t.is(rows.length, 3);
  t.regex(rows[2] ?? '', new RegExp(`^${keyId} +rotated +\\S+Z +\\S+Z +\\d{4}-\\d\\d-\\d\\d$`));
  const json = await runQueuepass(['client', 'key', 'list', 'lab-ci', '--json'], { environment });
  t.deepEqual(
    (JSON.parse(json.stdout) as { label: string }[]).map(({ label }) => label),
    [null, 'rotated'],
  );
  t.false((list.stdout + json.stdout).includes(key.slice(17)), 'the list contains no secret');

  const removed = await runQueuepass(['client', 'key', 'remove', 'lab-ci', keyId], { environment });
  t.is(removed.stdout, `Revoked the key ${keyId} of lab-ci\n`);
  t.is((await login(server, 'lab-ci', key)).status, 401);
  t.is((await login(server, 'lab-ci', first)).status, 200);
  t.false(server.logText().includes(key));
});

test.serial('a client without permissions on other clients can manage its own keys', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'contributor', 'lab-ci');
  const added = await runQueuepass(['client', 'key', 'add', 'lab-ci', '--json'], { environment });
  t.is(added.status, 0, added.stderr);
  const made = JSON.parse(added.stdout) as { key_id: string; client_key: string; expires_at: null };
  t.is(made.expires_at, null);
  t.is((await login(server, 'lab-ci', made.client_key)).status, 200);
  const args = ['client', 'key', 'remove', 'lab-ci', made.key_id, '--json'];
  const removed = await runQueuepass(args, { environment });
  t.deepEqual(JSON.parse(removed.stdout), { key_id: made.key_id, removed: true });
});

test.serial(
  'an eleventh key, an unknown key and an invalid duration are reported with the next step',
  async (t) => {
    const server = await startServer(t);
    const { environment } = await addActor(server, 'manager');
    await addClient(server, { client_id: 'full' });
    for (let made = 0; made < 10; made += 1) await makeClientKey(server.deps, 'full');
    const full = await runQueuepass(['client', 'key', 'add', 'full'], { environment });
    t.is(full.status, 1);
    t.regex(full.stderr, /^queuepass: A client has at most 10 keys.*\(queuepass client key list full\)\n$/);
    const absent = await runQueuepass(['client', 'key', 'remove', 'full', 'nothing'], { environment });
    t.is(absent.status, 1);
    t.regex(absent.stderr, /^queuepass: .*no key with this id.*client key list full\)\n$/);
    const wrong = await runQueuepass(['client', 'key', 'add', 'full', '--expires-after', 'soon'], {
      environment,
    });
    t.is(wrong.status, 2);
    t.regex(wrong.stderr, /^queuepass: .*90d.*see: queuepass client key add --help\n$/);
  },
);

test.serial(
  'agent add writes a token file that only its owner can read, with a refresh token that does not expire',
  async (t) => {
    const server = await startServer(t);
    const { environment } = await addActor(server, 'manager');
    const cwd = makeFolder();
    const args = ['agent', 'add', 'agent-1', '--out', 'agent-1.json'];
    const run = await runQueuepass(args, { environment, cwd });
    t.is(run.status, 0, run.stderr);
    t.is(run.stdout, 'The token of the agent agent-1 is in agent-1.json; it does not expire\n');
    t.regex(run.stderr, /^Next: .*\n$/);
    const file = join(cwd, 'agent-1.json');
    t.is(statSync(file).mode & 0o777, 0o600);
    const content = JSON.parse(readFileSync(file, 'utf8')) as { refresh_token: string };
    t.deepEqual(Object.keys(content), ['refresh_token']);
    const refreshed = await server.request('/v1/oauth2/refresh', jsonBody(content));
    t.is(refreshed.status, 200);
    const { access_token: pass } = (await refreshed.json()) as { access_token: string };
    const claims = JSON.parse(Buffer.from(pass.split('.')[1] ?? '', 'base64url').toString()) as {
      permissions: { role: string; client_id: string };
    };
    t.is(claims.permissions.role, 'agent');
    t.is(claims.permissions.client_id, 'agent-1');
    const { clientKeys, refreshTokens } = server.deps.collections;
    const stored = await refreshTokens.find({ client_id: 'agent-1' }).toArray();
    t.is(stored.length, 1);
    t.false('expires_at' in (stored[0] ?? { expires_at: 0 }));
    t.is(await clientKeys.countDocuments({ client_id: 'agent-1' }), 0, 'no unused key is created');
    t.false((server.logText() + run.stdout + run.stderr).includes(content.refresh_token));
  },
);

test.serial('agent add keeps an existing file; --force replaces it and revokes its token', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'admin');
  const cwd = makeFolder();
  const args = ['agent', 'add', 'agent-1', '--out', 'token', '--json'];
  const first = await runQueuepass(args, { environment, cwd });
  t.deepEqual(JSON.parse(first.stdout), { client_id: 'agent-1', token_file: 'token' });
  const before = readFileSync(join(cwd, 'token'), 'utf8');
  const second = await runQueuepass(args, { environment, cwd });
  t.is(second.status, 1);
  t.regex(second.stderr, /^queuepass: token already exists: .*--force.*\n$/);
  t.is(readFileSync(join(cwd, 'token'), 'utf8'), before);
  t.is(await server.deps.collections.refreshTokens.countDocuments(), 1, 'no unused token is created');
  const forced = await runQueuepass([...args, '--force'], { environment, cwd });
  t.is(forced.status, 0, forced.stderr);
  t.is(forced.stderr, '');
  const after = readFileSync(join(cwd, 'token'), 'utf8');
  t.not(after, before);
  t.is(statSync(join(cwd, 'token')).mode & 0o777, 0o600);
  const refresh = async (text: string) =>
    (await server.request('/v1/oauth2/refresh', jsonBody(JSON.parse(text)))).status;
  t.deepEqual([await refresh(before), await refresh(after)], [400, 200]);
});

test.serial('a manager who replaces a token file is warned that the earlier token still works', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'manager');
  const cwd = makeFolder();
  const args = ['agent', 'add', 'agent-1', '--out', 'token', '--force'];
  await runQueuepass(args, { environment, cwd });
  const again = await runQueuepass(args, { environment, cwd });
  t.is(again.status, 0);
  t.regex(again.stderr, /^Could not revoke the earlier token of the file: .*role: admin/m);
});

test.serial('a failed agent add leaves no new file behind', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'manager');
  await addClient(server, { client_id: 'person', role: 'contributor' });
  const cwd = makeFolder();
  const run = await runQueuepass(['agent', 'add', 'person', '--out', 'token'], { environment, cwd });
  t.is(run.status, 1);
  t.regex(run.stderr, /^queuepass: the client person has the role contributor: choose another name.*\n$/);
  t.false(existsSync(join(cwd, 'token')));
  writeFileSync(join(cwd, 'kept'), 'mine');
  await runQueuepass(['agent', 'add', 'person', '--out', 'kept', '--force'], { environment, cwd });
  t.is(readFileSync(join(cwd, 'kept'), 'utf8'), 'mine');
  const nowhere = await runQueuepass(['agent', 'add', 'a', '--out', 'no/where'], { environment, cwd });
  t.is(nowhere.status, 1);
  t.regex(nowhere.stderr, /^queuepass: no\/where cannot be written \(ENOENT\): .*--out FILE\n$/);
  t.is(await server.deps.collections.clients.findOne({ client_id: 'a' }), null);
});

test.serial('agent add without --out is a usage error', async (t) => {
  const run = await runQueuepass(['agent', 'add', 'agent-1']);
  t.is(run.status, 2);
  t.regex(run.stderr, /^queuepass: .*--out <file>.* not specified; see: queuepass agent add --help\n$/);
});

test.serial('queue restrict, list and release print the owners', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'manager');
  for (const id of ['a', 'b']) await addClient(server, { client_id: id });
  await server.deps.collections.agents.insertOne({ name: 'agent-1', queues: ['q 1/x'] });
  const queue = (...args: string[]) => runQueuepass(['queue', ...args], { environment });
  const first = await queue('restrict', 'q 1/x', '--owner', 'a');
  t.is(first.stdout, 'The queue q 1/x accepts jobs only from: a\n');
  const second = await queue('restrict', 'q 1/x', '--owner', 'b', '--json');
  t.deepEqual(JSON.parse(second.stdout), { queue: 'q 1/x', owners: ['a', 'b'] });
  t.is((await queue('list')).stdout, 'QUEUE  OWNERS\nq 1/x  a b\n');
  t.is(
    (await queue('release', 'q 1/x', '--owner', 'a')).stdout,
    'The queue q 1/x accepts jobs only from: b\n',
  );
  t.is(
    (await queue('release', 'q 1/x', '--owner', 'b')).stdout,
    'The queue q 1/x accepts jobs from any client\n',
  );
  t.deepEqual(JSON.parse((await queue('list', '--json')).stdout), []);
});

test.serial(
  'a queue that no agent serves and a queue that has no restriction are reported with the next step',
  async (t) => {
    const server = await startServer(t);
    const { environment } = await addActor(server, 'manager');
    await addClient(server, { client_id: 'a' });
    const restrict = await runQueuepass(['queue', 'restrict', 'q1', '--owner', 'a'], { environment });
    t.is(restrict.status, 1);
    t.regex(restrict.stderr, /^queuepass: No agent is associated .*an agent must serve the queue q1\)\n$/);
    const release = await runQueuepass(['queue', 'release', 'q1', '--owner', 'a'], { environment });
    t.is(release.status, 1);
    t.regex(release.stderr, /^queuepass: Restricted queue not found\. .*queuepass queue list`\)\n$/);
    t.is((await runQueuepass(['queue', 'restrict', 'q1'], { environment })).status, 2);
  },
);
