import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { Host, makeDatabaseUri } from '../support/drill.js';
import { Browser } from '../support/oidc/browser.js';
import { signIn } from '../support/oidc/sign-in.js';
import { startIssuer } from '../support/oidc-issuer.js';
import { Operator } from '../support/operator.js';
import { signingKey } from '../support/people.js';
import { readStartFailure } from '../support/server-process.js';
import { cookieOf } from '../support/sign-in-world.js';

const makeNew = `umask 077
   openssl rand -base64 48 > previous-web-secret-key`;
const sealWithNew = `mv web-secret-key web-secret-key.old
   mv previous-web-secret-key web-secret-key
   cp -p web-secret-key.old previous-web-secret-key`;
const forgetOld = `cp -p web-secret-key previous-web-secret-key
   rm -f web-secret-key.old`;
const swapBack = `mv web-secret-key previous-web-secret-key
mv web-secret-key.old web-secret-key`;
const startAnew = `umask 077
   openssl rand -base64 48 > web-secret-key
   cp -p web-secret-key previous-web-secret-key`;
const clear = `MONGODB_URI_FILE=mongodb-uri npx queuepass session clear --yes`;

/** Starts two servers whose people sign in at a provider, and returns a function that checks the session of a person on both. */
async function start(t: ExecutionContext) {
  const issuer = await startIssuer(t);
  const host = new Host(t, {
    ...issuer.settings,
    MONGODB_URI_FILE: 'mongodb-uri',
    JWT_SIGNING_KEY: signingKey,
    WEB_SECRET_KEY_FILE: 'web-secret-key',
    WEB_SECRET_KEY_PREVIOUS_FILE: 'previous-web-secret-key',
  });
  const key = randomBytes(48).toString('base64');
  host.write('mongodb-uri', makeDatabaseUri(t));
  host.write('web-secret-key', key);
  host.write('previous-web-secret-key', key);
  await host.restart(0);
  await host.restart(1);
  const signInAt = async (n: number) => {
    const browser = new Browser();
    const { url } = host.server(n);
    issuer.addRedirectUri(`${url}/auth/callback`);
    await signIn(browser, `${url}/auth/login`);
    return cookieOf(browser, url);
  };
  /** The answers of both servers that need the sealed tokens of a session. */
  const statusesOf = (headers: Record<string, string>) =>
    Promise.all(
      [0, 1].map(async (n) => (await host.server(n).request('/auth/userinfo', { headers })).status),
    );
  return { host, signInAt, statusesOf };
}

test('the key of sessions is rotated, or the rotation is undone, and nobody is signed out', async (t) => {
  const { host, signInAt, statusesOf } = await start(t);
  const operator = new Operator('rotate-keys.md', host.folder);
  const people = [await signInAt(0)];
  const check = async (when: string) => {
    for (const person of people) t.deepEqual(await statusesOf(person), [200, 200], when);
  };
  /** Restarts one by one, with a sign-in while the servers have different settings. */
  const restartOneByOne = async (when: string) => {
    await host.restart(0);
    people.push(await signInAt(0), await signInAt(1));
    await check(`${when}, between the restarts`);
    await host.restart(1);
    await check(when);
  };
  await operator.run(makeNew);
  await restartOneByOne('step 1');
  await operator.run(sealWithNew);
  await restartOneByOne('step 2');
  await operator.run(swapBack);
  await host.restart(0);
  await check('undone on one server');
  await operator.run(sealWithNew);
  await host.restart(0);
  await check('step 2 again');
  const alone = {
    ...host.settings,
    WEB_SECRET_KEY_FILE: 'web-secret-key.old',
    WEB_SECRET_KEY_PREVIOUS_FILE: '',
  };
  const error = await readStartFailure(t, { folder: host.folder, settings: alone });
  t.regex(error, /^queuepass: WEB_SECRET_KEY is not the key of the other processes on this database/);
  await operator.run(forgetOld);
  people.splice(0, people.length, await signInAt(0), await signInAt(1));
  await restartOneByOne('step 3');
});

test('after the loss of the key, the servers start with a new one, and people sign in again', async (t) => {
  const { host, signInAt, statusesOf } = await start(t);
  const operator = new Operator('recover.md', host.folder);
  const before = await signInAt(0);
  await signInAt(1);
  t.deepEqual(await statusesOf(before), [200, 200]);
  await host.stop(0);
  await host.stop(1);
  await operator.run(startAnew);
  const error = await readStartFailure(t, { folder: host.folder, settings: host.settings });
  t.regex(error, /^queuepass: WEB_SECRET_KEY is not the key of the other processes on this database/);
  t.is(
    await operator.run(clear),
    'Ended 2 sessions. The servers can now start with another WEB_SECRET_KEY, the same for all of them\n',
  );
  await host.restart(0);
  await host.restart(1);
  t.deepEqual(await statusesOf(before), [401, 401]);
  t.deepEqual(await statusesOf(await signInAt(0)), [200, 200]);
});
