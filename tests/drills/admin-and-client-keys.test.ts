import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { jsonBody } from '../support/clients.js';
import { asAdmin, Host, makeDatabaseUri } from '../support/drill.js';
import { Operator } from '../support/operator.js';
import { loginWith, signingKey } from '../support/people.js';
import { runQueuepass } from '../support/queuepass.js';
import { grant, type ServerProcess } from '../support/server-process.js';

const resetKept = 'npx queuepass admin reset-key';
const resetShown = `umask 077
MONGODB_URI_FILE=mongodb-uri npx queuepass admin reset-key > admin-key`;
const listClients = 'npx queuepass client list';

/** Checks that a login gets the response that all failed logins get. */
async function checkRefused(t: ExecutionContext, server: ServerProcess, key: string, clientId?: string) {
  const answer = await grant(server, key, clientId);
  t.deepEqual([answer.status, await answer.text()], [401, 'Invalid client id or client key']);
}

/** Starts servers on an external MongoDB. The host's directory holds the connection string and the admin key. */
async function startHost(t: ExecutionContext, servers: readonly number[]): Promise<Host> {
  const host = new Host(t, {
    MONGODB_URI_FILE: 'mongodb-uri',
    JWT_SIGNING_KEY: signingKey,
  });
  host.write('mongodb-uri', `${makeDatabaseUri(t)}\n`);
  for (const n of servers) await host.restart(n);
  return host;
}

test('a new admin key revokes the old one and its sessions at once in every process', async (t) => {
  const host = await startHost(t, [0, 1]);
  const operator = new Operator('rotate-keys.md', host.folder);
  const readKey = () => readFileSync(join(host.folder, 'admin-key'), 'utf8').trim();
  await operator.run(resetShown);
  const old = readKey();
  const login = await host.server(0).request('/v1/oauth2/token', loginWith('testflinger-admin', old));
  const { refresh_token } = (await login.json()) as { refresh_token: string };
  // Cached logins must not outlive the key.
  for (const n of [0, 1]) t.is((await grant(host.server(n), old)).status, 200);

  await operator.run(resetShown);
  t.is(statSync(join(host.folder, 'admin-key')).mode & 0o777, 0o600);
  t.not(readKey(), old);
  for (const n of [0, 1]) {
    await checkRefused(t, host.server(n), old);
    t.is((await grant(host.server(n), readKey())).status, 200);
    const refreshed = await host.server(n).request('/v1/oauth2/refresh', jsonBody({ refresh_token }));
    t.is(refreshed.status, 400);
  }
  operator.environment = asAdmin(host.server(1));
  t.regex(await operator.run(listClients), /testflinger-admin/);
});

test('a lost admin key is replaced from the shell, while the embedded server runs and while it is down', async (t) => {
  const host = new Host(t, {});
  let server = await host.restart(0);
  const operator = new Operator('rotate-keys.md', host.folder);
  const keyFile = join(server.dataDir, 'admin-key');
  const lost = readFileSync(keyFile, 'utf8').trim();
  rmSync(keyFile);
  t.not((await operator.try(listClients)).status, 0, 'the command has no key');
  t.is(await operator.run(resetKept), `The new key of testflinger-admin is in ${keyFile}\n`);
  await checkRefused(t, server, lost);
  t.regex(await operator.run(listClients), /testflinger-admin/);

  const second = readFileSync(keyFile, 'utf8').trim();
  await host.stop(0);
  rmSync(keyFile);
  await operator.run(resetKept);
  server = await host.restart(0);
  await checkRefused(t, server, second);
  t.is((await grant(server, readFileSync(keyFile, 'utf8').trim())).status, 200);
});

test('a client changes its key, and both keys are valid during the change', async (t) => {
  const host = await startHost(t, [0]);
  const server = host.server(0);
  const operator = new Operator('rotate-keys.md', host.folder);
  await operator.run(resetShown);
  operator.environment = asAdmin(server);
  const added = await runQueuepass(['client', 'add', 'lab-ci'], {
    environment: operator.environment,
    cwd: host.folder,
  });
  const old = added.stdout.trim();
  await operator.run(`umask 077
   npx queuepass client key add lab-ci --label second > lab-ci.key`);
  const next = readFileSync(join(host.folder, 'lab-ci.key'), 'utf8').trim();
  for (const key of [old, next, old]) t.is((await grant(server, key, 'lab-ci')).status, 200);

  const rows = (await operator.run('npx queuepass client key list lab-ci')).trim().split('\n').slice(1);
  const oldRow = rows.find((row) => !row.includes('second'));
  t.is(rows.length, 2);
  const [oldId = ''] = oldRow?.split(/\s+/) ?? [];
  t.true(old.startsWith(`qpk_${oldId}_`), 'the list shows the id of the old key');
  operator.environment.OLD_KEY_ID = oldId;
  await operator.run('npx queuepass client key remove lab-ci "$OLD_KEY_ID"');
  await checkRefused(t, server, old, 'lab-ci');
  t.is((await grant(server, next, 'lab-ci')).status, 200);
  t.regex(
    server.stdout(),
    /"log":"security".*"event":"login","outcome":"refused".*"reason":"wrong server-made key"/,
  );
});

test('a client whose key leaked is disabled, and enabled again', async (t) => {
  const host = await startHost(t, [0]);
  const server = host.server(0);
  const operator = new Operator('rotate-keys.md', host.folder);
  await operator.run(resetShown);
  operator.environment = asAdmin(server);
  const { stdout } = await runQueuepass(['client', 'add', 'lab-ci'], {
    environment: operator.environment,
    cwd: host.folder,
  });
  const key = stdout.trim();
  t.is((await grant(server, key, 'lab-ci')).status, 200);
  await operator.run('npx queuepass client disable lab-ci');
  await checkRefused(t, server, key, 'lab-ci');
  t.regex(
    server.stdout(),
    /"log":"security".*"event":"login","outcome":"refused".*"reason":"client disabled"/,
  );
  await operator.run('npx queuepass client enable lab-ci');
  t.is((await grant(server, key, 'lab-ci')).status, 200);
});

test('an agent whose token file leaked gets a new one, and the leaked one becomes invalid', async (t) => {
  const host = await startHost(t, [0]);
  const operator = new Operator('rotate-keys.md', host.folder);
  await operator.run(resetShown);
  operator.environment = asAdmin(host.server(0));
  const renew = 'npx queuepass agent add agent-1 --out agent-1.json --force';
  const refresh = async () => {
    await operator.run(renew);
    const file = readFileSync(join(host.folder, 'agent-1.json'), 'utf8');
    return () => host.server(0).request('/v1/oauth2/refresh', jsonBody(JSON.parse(file)));
  };
  const withOld = await refresh();
  t.is((await withOld()).status, 200);
  const withNew = await refresh();
  t.deepEqual([(await withOld()).status, (await withNew()).status], [400, 200]);
});
