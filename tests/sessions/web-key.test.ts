import { randomBytes } from 'node:crypto';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openCollections } from '../../server/areas.js';
import { StartError } from '../../server/errors/start-error.js';
import { clearSessions } from '../../server/people/clear-sessions.js';
import { checkWebKey } from '../../server/sessions/web-key.js';
import { makeFolder, withClient } from '../support/own-mongod.js';
import { listProcessesOf } from '../support/processes-of.js';
import { spawnServer, startServerProcess } from '../support/server-process.js';
import { cookieOf, startSignInWorld, webSecretKey } from '../support/sign-in-world.js';
import { testMongodbUri, testSigningKey } from '../support/start-server.js';
import { until } from '../support/until.js';

const keys = ['first', 'second', 'third', 'fourth'].map(
  (name) => `the ${name} key, of more than 32 bytes each`,
);

/** The one line of a server whose key is not that of the others. */
const refusal =
  'queuepass: WEB_SECRET_KEY is not the key of the other processes on this database: set the same key everywhere; after a loss, `queuepass session clear` ends all sessions and forgets the key';

/** Returns the settings of server processes on a database of their own, which is dropped at the end. */
function makeSettings(t: ExecutionContext): Record<string, string> & { MONGODB_DATABASE: string } {
  const database = `test_${randomBytes(8).toString('hex')}`;
  t.teardown(() => withClient(testMongodbUri(), (client) => client.db(database).dropDatabase()));
  return { MONGODB_URI: testMongodbUri(), MONGODB_DATABASE: database, JWT_SIGNING_KEY: testSigningKey };
}

test.serial(
  'of four processes with different keys that start at once, one serves, and the others end with one line',
  async (t) => {
    const settings = makeSettings(t);
    const servers = keys.map((key) => spawnServer(t, { settings: { ...settings, WEB_SECRET_KEY: key } }));
    const codes: (number | null)[] = [];
    for (const { exited } of servers) void exited.then(({ code }) => codes.push(code));
    await until(t, () => codes.length === 3 && servers.some(({ url }) => url !== ''));
    t.deepEqual(codes, [1, 1, 1]);
    const serving = servers.filter(({ url }) => url !== '');
    t.is(serving.length, 1);
    t.is((await serving[0]?.request('/readyz'))?.status, 200);
    for (const server of servers) {
      if (server === serving[0]) continue;
      t.deepEqual(
        server
          .stderr()
          .split('\n')
          .filter((line) => line.startsWith('queuepass: ')),
        [refusal],
      );
      t.notRegex(server.stderr(), /^\s+at /m, 'no stack');
    }
    // The same key as that of the process that serves.
    const winner = keys[servers.indexOf(serving[0] as (typeof servers)[0])] as string;
    const same = await startServerProcess(t, { settings: { ...settings, WEB_SECRET_KEY: winner } });
    t.is((await same.request('/readyz')).status, 200);
  },
);

for (const workers of ['1', '2']) {
  test.serial(
    `a server of ${workers} process(es) that started without MongoDB ends when it finds that its key is another one`,
    async (t) => {
      const settings = makeSettings(t);
      await withClient(testMongodbUri(), (client) =>
        checkWebKey(openCollections(client.db(settings.MONGODB_DATABASE)), {
          webSecretKey: keys[0],
          webSecretKeyPrevious: undefined,
        }),
      );
      const socket = join(makeFolder(), 'late.sock');
      const server = await startServerProcess(t, {
        settings: {
          ...settings,
          MONGODB_URI: `mongodb://${encodeURIComponent(socket)}/?directConnection=true`,
          WEB_SECRET_KEY: keys[1] as string,
          WORKERS: workers,
        },
      });
      t.is((await server.request('/livez')).status, 200);
      symlinkSync(decodeURIComponent(new URL(testMongodbUri()).host), socket);
      t.deepEqual(await server.exited, { code: 1, signal: null });
      const lines = server.stderr().split('\n');
      t.deepEqual([...new Set(lines.filter((line) => line.startsWith('queuepass: ')))], [refusal]);
      await until(t, async () => (await listProcessesOf(server.folder)).length === 0);
    },
  );
}

test.serial(
  'a start with the new and the previous key moves the check, signs nobody out, and refuses the old key alone from then on',
  async (t) => {
    const { server, signIn, startAnother } = await startSignInWorld(t);
    const [newKey = '', thirdKey = ''] = keys;
    const { browser } = await signIn();
    const headers = cookieOf(browser, server.url);
    const userinfo = (at: typeof server) => at.request('/auth/userinfo', { headers });
    t.is((await userinfo(server)).status, 200);
    await t.throwsAsync(startAnother({ settings: { WEB_SECRET_KEY: newKey } }), { instanceOf: StartError });

    const both = { WEB_SECRET_KEY: newKey, WEB_SECRET_KEY_PREVIOUS: webSecretKey };
    const rotated = await startAnother({ settings: both });
    t.is((await userinfo(rotated)).status, 200, 'the tokens that the old key sealed can be used');
    t.is((await userinfo(server)).status, 200, 'a process with the old key goes on');
    await t.throwsAsync(startAnother(), {
      instanceOf: StartError,
      message: refusal.replace('queuepass: ', ''),
    });
    await startAnother({ settings: both });
    const { browser: later } = await signIn();
    t.truthy(later);

    const onlyNew = await startAnother({ settings: { WEB_SECRET_KEY: newKey } });
    const session = await onlyNew.request('/v1/session', { headers });
    t.is(session.status, 200, 'a session needs no key');
    const lost = await userinfo(onlyNew);
    t.deepEqual([lost.status, ((await lost.json()) as { message: string }).message], [401, 'Sign in again']);
    t.is((await userinfo(rotated)).status, 200, 'the tokens are still there for processes with both keys');

    t.is(await clearSessions(server.deps.collections), 2);
    t.is((await onlyNew.request('/v1/session', { headers })).status, 401);
    const other = await startAnother({ settings: { WEB_SECRET_KEY: thirdKey } });
    t.is((await other.request('/readyz')).status, 200);
    await t.throwsAsync(startAnother({ settings: { WEB_SECRET_KEY: newKey } }), { instanceOf: StartError });
  },
);

test.serial('a process without the key starts beside those that have one', async (t) => {
  const settings = makeSettings(t);
  await withClient(testMongodbUri(), async (client) => {
    const collections = openCollections(client.db(settings.MONGODB_DATABASE));
    await checkWebKey(collections, { webSecretKey: keys[0], webSecretKeyPrevious: undefined });
    await t.notThrowsAsync(
      checkWebKey(collections, { webSecretKey: undefined, webSecretKeyPrevious: undefined }),
    );
    const stored = JSON.stringify(await collections.webKeyChecks.find().toArray());
    t.false(stored.includes(keys[0] as string));
    t.is(await collections.webKeyChecks.countDocuments(), 1);
  });
});
