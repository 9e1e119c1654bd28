import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { defaultDataDir } from '../../server/cli/find-connection.js';
import { createProgram } from '../../server/cli/main.js';
import { mongodSettings } from '../../server/mongod/settings.js';
import { addClient } from '../support/clients.js';
import { makeFolder } from '../support/own-mongod.js';
import { addActor, runQueuepass } from '../support/queuepass.js';
import { startServer } from '../support/start-server.js';

/** Starts a server that is not Queuepass and sends the same response to every request. */
async function startOther(
  t: ExecutionContext,
  answer: { status: number; headers?: Record<string, string>; body?: string },
): Promise<{ url: string; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url} ${String(request.headers['client-key'])}`);
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.teardown(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** Creates a data directory as a first run leaves it. */
function makeDataFolder(url: string, key: string): string {
  const cwd = makeFolder();
  mkdirSync(join(cwd, '.queuepass'));
  writeFileSync(join(cwd, '.queuepass', 'server-url'), `${url}\n`);
  writeFileSync(join(cwd, '.queuepass', 'admin-key'), `${key}\n`);
  return cwd;
}

test.serial('token prints only the access token, or JSON that includes its expiry', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'contributor', 'lab-ci', { max_priority: { q1: 5 } });
  const run = await runQueuepass(['token'], { environment });
  t.is(run.status, 0, run.stderr);
  t.regex(run.stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  t.is(run.stderr, '');
  const headers = { authorization: `Bearer ${run.stdout.trim()}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ job_queue: 'q1', job_priority: 5 });
  t.is((await server.request('/v1/job', { method: 'POST', headers, body })).status, 200);
  const json = await runQueuepass(['token', '--json'], { environment });
  const printed = JSON.parse(json.stdout) as Record<string, unknown>;
  t.deepEqual(Object.keys(printed), ['client_id', 'access_token', 'token_type', 'expires_in', 'expires_at']);
  t.is(printed.expires_in, 600);
  t.is(printed.client_id, 'lab-ci');
});

test.serial(
  'the key is read from a file, standard input or the environment, and options take precedence',
  async (t) => {
    const server = await startServer(t);
    const { key } = await addActor(server, 'contributor', 'lab-ci');
    const cwd = makeFolder();
    writeFileSync(join(cwd, 'key'), `${key}\r\n`);
    const as = ['--server', server.url, '--client-id', 'lab-ci'];
    const wrong = { QUEUEPASS_SERVER: 'http://127.0.0.1:1', QUEUEPASS_CLIENT_KEY: 'wrong' };
    const options = [...as, '--client-key-file', 'key'];
    t.is((await runQueuepass(['token', ...options], { cwd, environment: wrong })).status, 0);
    const stdin = await runQueuepass([...as, 'token', '--client-key-file', '-'], { stdin: `${key}\n` });
    t.is(stdin.status, 0, stdin.stderr);
    const environment = {
      QUEUEPASS_SERVER: `${server.url}/`,
      QUEUEPASS_CLIENT_ID: 'lab-ci',
      QUEUEPASS_CLIENT_KEY_FILE: 'key',
    };
    t.is((await runQueuepass(['token'], { environment, cwd })).status, 0);
  },
);

test.serial('a key with non-ASCII letters is accepted', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'lab-ci' }, 'geheimer Schlüssel');
  const environment = {
    QUEUEPASS_SERVER: server.url,
    QUEUEPASS_CLIENT_ID: 'lab-ci',
    QUEUEPASS_CLIENT_KEY: 'geheimer Schlüssel',
  };
  const run = await runQueuepass(['token'], { environment });
  t.is(run.status, 0, run.stderr);
});

test.serial('a server on a Unix socket can be reached, also under a base path', async (t) => {
  const path = join(makeFolder(), 'qp.sock');
  const server = await startServer(t, { settings: { LISTEN: path, BASE_PATH: '/lab' } });
  const { environment } = await addActor(server, 'manager');
  const run = await runQueuepass(['client', 'list', '--server', `unix:${path}/lab`], { environment });
  t.is(run.status, 0, run.stderr);
  t.regex(run.stdout, /the-manager/);
  const added = await runQueuepass(['client', 'add', 'x', '--server', `unix:${path}/lab`], { environment });
  t.true(added.stderr.includes(`--unix-socket '${path}' http://localhost/lab/v1/authenticate/token/x`));
  const gone = await runQueuepass(['client', 'list', '--server', `unix:${path}.gone`], { environment });
  t.is(gone.status, 1);
  t.regex(gone.stderr, /^queuepass: no response from unix:.*no such socket.*\n$/);
});

test.serial('the data directory has server URL and admin key; no other server gets the key', async (t) => {
  const server = await startServer(t);
  const { key } = await addActor(server, 'admin', 'testflinger-admin');
  const cwd = makeDataFolder(server.url, key);
  const run = await runQueuepass(['client', 'list'], { cwd });
  t.is(run.status, 0, run.stderr);
  const elsewhere = { QUEUEPASS_DATA_DIR: join(cwd, '.queuepass') };
  t.is((await runQueuepass(['client', 'list'], { environment: elsewhere })).status, 0);
  const other = await startOther(t, { status: 200 });
  const refused = await runQueuepass(['client', 'list', '--server', other.url], { cwd });
  t.is(refused.status, 2);
  t.regex(refused.stderr, /^queuepass: name a client with --client-id .*for its own server only\n$/);
  t.deepEqual(other.requests, []);
});

test.serial('the error for a server that is down has its URL and how to name another', async (t) => {
  const environment = { QUEUEPASS_CLIENT_ID: 'a', QUEUEPASS_CLIENT_KEY: 'b' };
  const run = await runQueuepass(['token', '--server', 'http://127.0.0.1:1'], { environment });
  t.is(run.status, 1);
  t.is(run.stdout, '');
  const message =
    /^queuepass: no response from http:\/\/127\.0\.0\.1:1 \(connection refused\): is it running\?.*--server URL.*\n$/;
  t.regex(run.stderr, message);
});

test.serial('the error for a wrong key names the file of the key and never shows the key', async (t) => {
  const server = await startServer(t);
  await addActor(server, 'admin', 'testflinger-admin');
  const cwd = makeDataFolder(server.url, 'a wrong key of the admin');
  const run = await runQueuepass(['client', 'list'], { cwd });
  t.is(run.status, 1);
  const file = join(cwd, '.queuepass', 'admin-key');
  t.true(run.stderr.includes(`does not accept the client testflinger-admin with the key from ${file}`));
  t.is(run.stderr.split('\n').length, 2);
  t.false(run.stderr.includes('a wrong key of the admin'));
});

test.serial('the error for a role without permission names the roles that have it', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'contributor');
  const run = await runQueuepass(['client', 'list'], { environment });
  t.is(run.status, 1);
  const message =
    /^queuepass: Specified action requires role: admin, manager: the client the-contributor may not.*\n$/;
  t.regex(run.stderr, message);
});

const otherResponses = [
  { of: 'a page', status: 200, headers: { 'content-type': 'text/html' }, body: '<html>hello</html>' },
  { of: 'another 404', status: 404, headers: { 'content-type': 'text/html' }, body: '<h1>Not found</h1>' },
  { of: 'a redirect', status: 302, headers: { location: 'https://example.com/' }, body: '' },
  { of: 'other JSON', status: 403, headers: { 'content-type': 'application/json' }, body: '{"error": 1}' },
];
for (const { of, ...answer } of otherResponses) {
  test.serial(`a server that responds with ${of} is reported as not being Queuepass`, async (t) => {
    const { url, requests } = await startOther(t, answer);
    const environment = { QUEUEPASS_SERVER: url, QUEUEPASS_CLIENT_ID: 'a', QUEUEPASS_CLIENT_KEY: 'b' };
    const run = await runQueuepass(['client', 'list'], { environment });
    t.is(run.status, 1);
    t.regex(run.stderr, /^queuepass: the server at http:\S+ is not Queuepass.*check --server.*\n$/);
    t.is(requests.length, 1);
  });
}

test.serial('a 503 is retried three times, then reported', async (t) => {
  const headers = { 'content-type': 'application/json', 'retry-after': '0' };
  const body = JSON.stringify({ message: 'The database is not available, try again', detail: {} });
  const { url, requests } = await startOther(t, { status: 503, headers, body });
  const environment = { QUEUEPASS_SERVER: url, QUEUEPASS_CLIENT_ID: 'a', QUEUEPASS_CLIENT_KEY: 'b' };
  const run = await runQueuepass(['token'], { environment });
  t.is(run.status, 1);
  t.is(run.stderr, 'queuepass: The database is not available: try again in 0 s\n');
  t.is(requests.length, 4);
});

const wrong: [args: string[], environment: Record<string, string>, message: RegExp][] = [
  [['client', 'list'], {}, /no server is named, and no server uses .*--server URL/],
  [['client', 'list', '--server', 'localhost:5000'], {}, /the server must be given as http:/],
  [['client', 'list', '--server', 'http://a:b@host'], {}, /the server must be given as http:/],
  [['token', '--server', 'http://h', '--client-id', 'x'], {}, /key of the client x is missing/],
  [['token', '--server', 'http://h'], { QUEUEPASS_CLIENT_KEY: 'k' }, /no client: add --client-id/],
  [
    ['token', '--server', 'http://h'],
    { QUEUEPASS_CLIENT_KEY: 'k', QUEUEPASS_CLIENT_KEY_FILE: 'f' },
    /both are set/,
  ],
  [['clint'], {}, /unknown command 'clint' \(Did you mean client\?\); see: queuepass --help/],
  [['client', 'show'], {}, /missing required argument 'id'; see: queuepass client show --help/],
  [['client', 'list', '--client-key', 'k'], {}, /unknown option '--client-key'/],
  [['client', 'add', 'x', '--role', 'king'], {}, /'king' is invalid.*admin, manager/],
  [['client', 'add', 'x', '--max-priority', 'q1'], {}, /QUEUE=LIMIT/],
  [['client', 'add', 'x', '--max-priority', 'q1=-1'], {}, /whole number from 0 up/],
  [['client', 'add', 'x', '--max-reservation', 'q1=long'], {}, /like 90d, 8h/],
];
for (const [args, environment, message] of wrong) {
  const given = Object.keys(environment).map((name) => `${name}=... `);
  test.serial(
    `\`${given.join('')}queuepass ${args.join(' ')}\` is a usage error, reported in one line`,
    async (t) => {
      const run = await runQueuepass(args, { environment });
      t.is(run.status, 2);
      t.is(run.stdout, '');
      t.regex(run.stderr, /^queuepass: [^\n]+\n$/);
      t.regex(run.stderr, message);
    },
  );
}

test.serial('a missing or empty key file is reported', async (t) => {
  const cwd = makeFolder();
  writeFileSync(join(cwd, 'empty'), '\n');
  const args = ['token', '--server', 'http://h', '--client-id', 'x', '--client-key-file'];
  const absent = await runQueuepass([...args, 'absent'], { cwd });
  t.deepEqual(
    [absent.status, absent.stderr],
    [1, 'queuepass: the key file absent cannot be read (ENOENT)\n'],
  );
  const empty = await runQueuepass([...args, 'empty'], { cwd });
  t.deepEqual([empty.status, empty.stderr], [1, 'queuepass: there is no key in empty: it is empty\n']);
});

test.serial('every command and option has a description, and --help exits with status 0', async (t) => {
  const program = createProgram();
  const commands = [program];
  for (const command of commands) {
    commands.push(...command.commands);
    t.truthy(command.description(), command.name());
    for (const option of command.options) t.truthy(option.description, `${command.name()} ${option.flags}`);
  }
  t.true(commands.length > 20);
  const run = await runQueuepass(['client', 'add', '--help']);
  t.is(run.status, 0);
  t.is(run.stderr, '');
  t.regex(run.stdout, /Usage: queuepass client add[^]*--max-priority[^]*--client-key-file/);
});

test.serial('the default data directory of the command is the default of the server', (t) => {
  t.is(mongodSettings.rows.dataDir.fallback, defaultDataDir);
});
