import test from 'ava';
import { queuepassCommand } from '../support/build-server.js';
import { addSignedIn } from '../support/local-sign-in.js';
import { onTerminal } from '../support/on-terminal.js';
import { addActor, runQueuepass } from '../support/queuepass.js';
import { spawnServer } from '../support/server-process.js';
import { cookieOf } from '../support/sign-in-world.js';
import { startServer, type TestServer, testMongodbUri } from '../support/start-server.js';
import { until } from '../support/until.js';

interface Listed {
  handle: string;
  client_id: string;
}

function settingsOf(server: TestServer): Record<string, string> {
  return { MONGODB_URI: testMongodbUri(), MONGODB_DATABASE: server.deps.connection.db.databaseName };
}

const handlesOf = (server: TestServer) =>
  server.deps.collections.sessions.distinct('handle').then((handles) => handles.sort());

test.serial(
  'session list prints the sessions of everybody to an admin, of one client on request, and its own to others',
  async (t) => {
    const server = await startServer(t);
    const admin = await addActor(server, 'admin');
    const { browser, key, signIn } = await addSignedIn(server, { client_id: 'lab-ci' });
    await signIn();
    await addSignedIn(server, { client_id: 'other' });

    const all = await runQueuepass(['session', 'list'], { environment: admin.environment });
    t.is(all.status, 0, all.stderr);
    const [headings, ...rows] = all.stdout.trim().split('\n');
    t.regex(headings ?? '', /^SESSION +CLIENT +SIGNED IN +LAST SEEN +SOURCE +BROWSER$/);
    t.is(rows.length, 3);
    t.regex(rows[0] ?? '', /^[0-9a-f]{24} +other +\S+Z +\S+Z +\S*127\.0\.0\.1 +Mozilla\/5\.0 .*Chrome/);
    const json = await runQueuepass(['session', 'list', '--json'], { environment: admin.environment });
    t.deepEqual(
      (JSON.parse(json.stdout) as Listed[]).map(({ client_id }) => client_id),
      ['other', 'lab-ci', 'lab-ci'],
    );

    const one = ['session', 'list', '--client', 'lab-ci'];
    const ofOne = await runQueuepass(one, { environment: admin.environment });
    t.deepEqual(
      ofOne.stdout
        .trim()
        .split('\n')
        .map((row) => row.split(/ +/)[1]),
      ['CLIENT', 'lab-ci', 'lab-ci'],
    );
    const { environment } = await addActor(server, 'contributor', 'third');
    t.is(
      (await runQueuepass(['session', 'list'], { environment })).stdout.split('\n').length,
      2,
      'no session',
    );
    const others = await runQueuepass(one, { environment });
    t.is(others.status, 1);
    t.regex(
      others.stderr,
      /^queuepass: Only admins may see the sessions of others: the client third [^\n]+\n$/,
    );

    const asOwner = { ...environment, QUEUEPASS_CLIENT_ID: 'lab-ci', QUEUEPASS_CLIENT_KEY: key };
    const own = await runQueuepass(['session', 'list', '--json'], { environment: asOwner });
    const [newest] = JSON.parse(own.stdout) as Listed[];
    const ended = await runQueuepass(['session', 'end', newest?.handle ?? ''], { environment: asOwner });
    t.is(ended.stdout, `Ended the session ${newest?.handle}\n`);
    const again = await runQueuepass(['session', 'end', newest?.handle ?? ''], { environment: asOwner });
    t.is(again.status, 1);
    t.is(again.stderr, 'queuepass: There is no such session (queuepass session list)\n');

    const left = await server.deps.collections.sessions.findOne({ client_id: 'lab-ci' });
    const args = ['session', 'end', left?.handle ?? '', '--json'];
    const byAdmin = await runQueuepass(args, { environment: admin.environment });
    t.deepEqual(JSON.parse(byAdmin.stdout), { handle: left?.handle, ended: true });
    const answer = await server.request('/v1/session', { headers: cookieOf(browser, server.url) });
    t.is(answer.status, 401);
  },
);

test.serial('session list names the settings if nobody can sign in to the server', async (t) => {
  const server = await startServer(t, { settings: { LOCAL_SIGN_IN: 'off' } });
  const { environment } = await addActor(server, 'admin');
  const run = await runQueuepass(['session', 'list'], { environment });
  t.is(run.status, 1);
  t.regex(
    run.stderr,
    /^queuepass: nobody can sign in to http\S+: see its OIDC_CLIENT_ID and LOCAL_SIGN_IN\n$/,
  );
});

test.serial(
  'session clear ends all sessions without a server, and forgets what the key sealed',
  async (t) => {
    const server = await startServer(t, {
      settings: { WEB_SECRET_KEY: 'a key that will be lost, of 32 bytes' },
    });
    const { collections } = server.deps;
    const { browser } = await addSignedIn(server, { client_id: 'lab-ci' });
    await addSignedIn(server, { client_id: 'other' });
    const expires_at = new Date(Date.now() + 60_000);
    const sealed = server.deps.webSealer.seal('a secret', 'context');
    await collections.loginAttempts.insertOne({
      _id: 'an attempt',
      sealed,
      iss: 'https://issuer.example',
      next: '/',
      redirect_uri: '',
      browser: '',
      expires_at,
    });
    await collections.deviceCodes.insertMany([
      { request_id: 'sha256:aa', device_code: sealed, expires_at },
      { request_id: 'of a Testflinger server', device_code: 'plain text', expires_at },
    ]);
    t.is(await collections.webKeyChecks.countDocuments(), 1);
    const run = await runQueuepass(['session', 'clear'], { environment: settingsOf(server) });
    t.deepEqual(run, {
      status: 0,
      stdout:
        'Ended 2 sessions. The servers can now start with another WEB_SECRET_KEY, the same for all of them\n',
      stderr: '',
    });
    t.is((await server.request('/v1/session', { headers: cookieOf(browser, server.url) })).status, 401);
    t.is(await collections.webKeyChecks.countDocuments(), 0);
    t.is(await collections.loginAttempts.countDocuments(), 0);
    t.deepEqual(await collections.deviceCodes.distinct('request_id'), ['of a Testflinger server']);
    const event = await collections.auditEvents.findOne({ actor_kind: 'operator' });
    t.like(event, {
      event: 'session_expired',
      outcome: 'accepted',
      target: 'all sessions',
      detail: { session: 'all', ended: '2' },
    });
    const json = await runQueuepass(['session', 'clear', '--json'], { environment: settingsOf(server) });
    t.deepEqual(JSON.parse(json.stdout), { ended: 0 });
  },
);

test.serial('at a terminal, session clear asks first, and changes nothing without a yes', async (t) => {
  const server = await startServer(t);
  await addSignedIn(server, { client_id: 'lab-ci' });
  const before = await handlesOf(server);
  const start = (args: string[] = []) =>
    spawnServer(t, {
      command: onTerminal([process.execPath, queuepassCommand, 'session', 'clear', ...args]),
      settings: settingsOf(server),
      input: true,
    });
  // Enter alone, another word, and Ctrl-D.
  for (const answer of ['\r', 'no\r', '\x04']) {
    const refused = start();
    await until(t, () => refused.stdout().includes('[y/N]'));
    refused.child.stdin?.write(answer);
    t.is((await refused.exited).code, 1);
    t.regex(refused.stdout(), /^End all sessions\? .*queuepass: nothing was changed/s);
    t.deepEqual(await handlesOf(server), before);
  }
  const agreed = start();
  await until(t, () => agreed.stdout().includes('[y/N]'));
  agreed.child.stdin?.write('y\r');
  t.is((await agreed.exited).code, 0);
  t.true(agreed.stdout().includes('Ended 1 session.'), agreed.stdout());
  t.deepEqual(await handlesOf(server), []);
  const unasked = start(['--yes']);
  t.is((await unasked.exited).code, 0);
  t.regex(unasked.stdout(), /^Ended 0 sessions\./);
});
