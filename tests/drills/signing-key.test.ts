import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { signAccessToken } from '../../server/auth/access-token.js';
import { readSigningKeys } from '../../server/auth/signing-keys.js';
import { jsonBody } from '../support/clients.js';
import { asAdmin, Host, makeDatabaseUri } from '../support/drill.js';
import { Operator } from '../support/operator.js';
import { waitUntil } from '../support/own-mongod.js';
import { loginWith } from '../support/people.js';
import { runQueuepass } from '../support/queuepass.js';
import { grant, type ServerProcess } from '../support/server-process.js';
import { readTokenHeader } from '../support/tokens.js';

const oldKey = 'the signing key of before the drill, in base64 or not';
const showKid = `npx queuepass token | node -p 'JSON.parse(Buffer.from(fs.readFileSync(0, "utf8").split(".")[0], "base64url")).kid'`;
const refused = [403, { message: 'Invalid Token signature', detail: {} }];

const makeNew = `umask 077
   openssl rand -base64 48 > jwt-signing-key.new
   printf '["%s"]\\n' "$(cat jwt-signing-key.new)" > previous-signing-keys`;
const signWithNew = `umask 077
   printf '["%s"]\\n' "$(cat jwt-signing-key)" > previous-signing-keys
   mv jwt-signing-key jwt-signing-key.old
   mv jwt-signing-key.new jwt-signing-key`;
const undo = `umask 077
printf '["%s"]\\n' "$(cat jwt-signing-key)" > previous-signing-keys
mv jwt-signing-key.old jwt-signing-key`;
const forgetOld = `printf '[]\\n' > previous-signing-keys
   rm -f jwt-signing-key.old`;
const forgetAtOnce = `umask 077
openssl rand -base64 48 > jwt-signing-key
printf '[]\\n' > previous-signing-keys`;

/** Sends a request with an access token of the admin, and returns the status and the error. */
async function requestAs(server: ServerProcess, pass: string): Promise<[number, unknown]> {
  const headers = { authorization: `Bearer ${pass}` };
  const answer = await server.request('/v1/client-permissions', { headers });
  return [answer.status, answer.status === 200 ? undefined : await answer.json()];
}

test('a rotation of the signing key refuses no request while it runs, and invalidates the old key at its end', async (t) => {
  const host = new Host(t, {
    MONGODB_URI: makeDatabaseUri(t),
    JWT_SIGNING_KEY_FILE: 'jwt-signing-key',
    JWT_PREVIOUS_SIGNING_KEYS_FILE: 'previous-signing-keys',
    JWT_LEEWAY: '0',
  });
  host.write('jwt-signing-key', `${oldKey}\n`);
  host.write('previous-signing-keys', '[]\n');
  const both = [0, 1];
  for (const n of both) await host.restart(n);
  const operator = new Operator('rotate-keys.md', host.folder);
  const { stdout } = await runQueuepass(['admin', 'reset-key'], { environment: host.settings });
  host.write('admin-key', stdout);
  const passOf = async (n: number) => (await grant(host.server(n), stdout.trim())).text();
  const kidOf = (pass: string) => readTokenHeader(pass).kid as string;
  const addAgent = ['agent', 'add', 'agent-1', '--out', 'agent-1.json'];
  const added = await runQueuepass(addAgent, { environment: asAdmin(host.server(0)), cwd: host.folder });
  t.is(added.status, 0, added.stderr);
  const agentFile = JSON.parse(readFileSync(join(host.folder, 'agent-1.json'), 'utf8')) as object;

  const passes = [await passOf(0)];
  const oldKid = kidOf(passes[0] as string);
  const checkAll = async () => {
    for (const n of both) {
      passes.push(await passOf(n));
      const refreshed = await host.server(n).request('/v1/oauth2/refresh', jsonBody(agentFile));
      t.is(refreshed.status, 200, 'an agent gets an access token');
    }
    for (const n of both)
      for (const pass of passes) t.deepEqual(await requestAs(host.server(n), pass), [200, undefined]);
  };
  /** Checks after each restart, since the processes have different keys between two restarts. */
  const restartOneByOne = async () => {
    for (const n of both) {
      await host.restart(n);
      await checkAll();
    }
    operator.environment = { ...asAdmin(host.server(0)) };
  };

  await operator.run(makeNew);
  await restartOneByOne();
  t.true(
    passes.every((pass) => kidOf(pass) === oldKid),
    'no process signs with the new key yet',
  );
  await operator.run(signWithNew);
  await restartOneByOne();
  const newKid = kidOf(passes.at(-1) as string);
  t.not(newKid, oldKid);
  t.is((await operator.run(showKid)).trim(), newKid);

  const expiring = (seconds: number) => {
    const clock = { now: () => new Date(Date.now() - (600 - seconds) * 1000) };
    const signer = { signingKeys: readSigningKeys(oldKey), clock };
    return signAccessToken(signer, { client_id: 'testflinger-admin', role: 'admin' });
  };
  const pass = expiring(2);
  t.deepEqual(
    await requestAs(host.server(0), pass),
    [200, undefined],
    'a token of the old key is valid until it expires',
  );
  const expired = [401, { message: 'Token has expired', detail: {} }];
  await waitUntil(async () => (await requestAs(host.server(0), pass))[0] !== 200);
  t.deepEqual(await requestAs(host.server(0), pass), expired, 'the error makes an agent refresh its token');

  await operator.run(forgetOld);
  for (const n of both) await host.restart(n);
  for (const n of both) {
    t.deepEqual(await requestAs(host.server(n), passes[0] as string), refused);
    t.deepEqual(
      await requestAs(host.server(n), expiring(-1)),
      refused,
      'a token that expired before the old key was removed',
    );
    t.deepEqual(await requestAs(host.server(n), await passOf(1 - n)), [200, undefined]);
    t.is((await host.server(n).request('/v1/oauth2/refresh', jsonBody(agentFile))).status, 200);
  }
  t.regex(host.server(0).stdout(), /"log":"security".*"event":"token_refused".*"reason":"token_signature"/);
});

test('a rotation can be undone, and a leaked signing key can be invalidated at once while refresh tokens stay valid', async (t) => {
  const host = new Host(t, {
    MONGODB_URI: makeDatabaseUri(t),
    JWT_SIGNING_KEY_FILE: 'jwt-signing-key',
    JWT_PREVIOUS_SIGNING_KEYS_FILE: 'previous-signing-keys',
  });
  host.write('jwt-signing-key', oldKey);
  host.write('previous-signing-keys', '[]');
  const before = await host.restart(0);
  const { stdout } = await runQueuepass(['admin', 'reset-key'], { environment: host.settings });
  const login = await before.request('/v1/oauth2/token', loginWith('testflinger-admin', stdout.trim()));
  const tokens = (await login.json()) as { access_token: string; refresh_token: string };
  const operator = new Operator('rotate-keys.md', host.folder);
  await operator.run(makeNew);
  await operator.run(signWithNew);
  const between = await (await grant(await host.restart(0), stdout.trim())).text();
  await operator.run(undo);
  const undone = await host.restart(0);
  const again = await (await grant(undone, stdout.trim())).text();
  const kids = [tokens.access_token, between, again].map((pass) => readTokenHeader(pass).kid);
  t.is(kids[0], kids[2]);
  t.not(kids[0], kids[1]);
  for (const pass of [tokens.access_token, between, again])
    t.deepEqual(await requestAs(undone, pass), [200, undefined]);
  await operator.run(forgetAtOnce);
  const after = await host.restart(0);
  t.deepEqual(await requestAs(after, tokens.access_token), refused);
  const { refresh_token } = tokens;
  const refreshed = await after.request('/v1/oauth2/refresh', jsonBody({ refresh_token }));
  const { access_token: pass } = (await refreshed.json()) as { access_token: string };
  t.deepEqual(await requestAs(after, pass), [200, undefined]);
});

test('the signing key of a data directory is rotated, and tokens of the old key stay valid', async (t) => {
  const host = new Host(t, {});
  const operator = new Operator('rotate-keys.md', host.folder);
  const first = await host.restart(0);
  const passOf = async (server: ServerProcess) =>
    (await grant(server, readFileSync(join(server.dataDir, 'admin-key'), 'utf8').trim())).text();
  const pass = await passOf(first);
  await host.stop(0);
  await operator.run(`umask 077
printf '["%s"]\\n' "$(cat .queuepass/signing-key)" > previous-signing-keys
mv .queuepass/signing-key jwt-signing-key.old`);
  host.settings.JWT_PREVIOUS_SIGNING_KEYS_FILE = 'previous-signing-keys';
  const second = await host.restart(0);
  t.deepEqual(await requestAs(second, pass), [200, undefined]);
  const next = await passOf(second);
  t.not(readTokenHeader(next).kid, readTokenHeader(pass).kid);
  t.deepEqual(await requestAs(second, next), [200, undefined]);
});
