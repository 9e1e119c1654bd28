import test from 'ava';
import { addClient } from '../support/clients.js';
import { addActor, runQueuepass } from '../support/queuepass.js';
import { startServer } from '../support/start-server.js';

test.serial('client add prints the key to stdout, once, and the next command to stderr', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'manager');
  const limits = ['--max-priority', '*=1', '--max-priority', 'q1=50', '--max-reservation', 'q1=8h'];
  const args = [
    'client',
    'add',
    'lab-ci',
    ...limits,
    '--email',
    'ci@example.com',
    '--label',
    'made in a test',
  ];
  const { status, stdout, stderr } = await runQueuepass(args, { environment });
  t.is(stderr.split('\n').length, 3, stderr);
  t.is(status, 0);
  t.regex(stdout, /^qpk_[a-z0-9]{12}_[\w-]{43}\n$/);
  t.false(stderr.includes(stdout.trim()));
  const curl = `curl -H "client-key: $KEY" ${server.url}/v1/authenticate/token/lab-ci`;
  t.true(stderr.includes(curl), stderr);
  const pass = await server.request('/v1/authenticate/token/lab-ci', {
    headers: { 'client-key': stdout.trim() },
  });
  t.is(pass.status, 200);
  const record = await server.deps.collections.clients.findOne({ client_id: 'lab-ci' });
  t.is(record?.role, 'contributor');
  t.deepEqual(record?.max_priority, { '*': 1, q1: 50 });
  t.deepEqual(record?.max_reservation_time, { q1: 8 * 3600 });
  t.is(record?.email, 'ci@example.com');
  const stored = await server.deps.collections.clientKeys.findOne({ client_id: 'lab-ci' });
  t.is(stored?.label, 'made in a test');
  t.false(server.logText().includes(stdout.trim()));
});

test.serial('client add with --json prints client id, key id and key', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'manager');
  const { stdout, stderr } = await runQueuepass(['client', 'add', 'lab-ci', '--json'], { environment });
  const made = JSON.parse(stdout) as Record<string, string>;
  t.deepEqual(Object.keys(made), ['client_id', 'key_id', 'client_key']);
  t.true(made.client_key?.startsWith(`qpk_${made.key_id}_`));
  t.is(stderr, '');
});

test.serial('client add does not change an existing client', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'manager');
  await addClient(server, { client_id: 'lab-ci', max_priority: { q1: 5 } });
  const run = await runQueuepass(['client', 'add', 'lab-ci', '--max-priority', 'q1=9'], { environment });
  t.is(run.status, 1);
  t.regex(run.stderr, /^queuepass: the client lab-ci already exists: .*client set.*client key add.*\n$/);
  const record = await server.deps.collections.clients.findOne({ client_id: 'lab-ci' });
  t.deepEqual(record?.max_priority, { q1: 5 });
  t.is(await server.deps.collections.clientKeys.countDocuments({ client_id: 'lab-ci' }), 0);
});

test.serial('client list prints a table with - for empty fields, or the JSON of the server', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'manager');
  await addClient(server, {
    client_id: 'lab-ci',
    max_priority: { '*': 1, q1: 50 },
    max_reservation_time: { q1: 5400 },
    allowed_queues: ['own'],
  });
  const { stdout, status } = await runQueuepass(['client', 'list'], { environment });
  t.is(status, 0);
  t.deepEqual(stdout.split('\n'), [
    'CLIENT       ROLE         MAX PRIORITY  MAX RESERVATION  OWN QUEUES  EMAIL',
    'lab-ci       contributor  *=1 q1=50     q1=1h30m         own         -',
    'the-manager  manager      -             -                -           -',
    '',
  ]);
  const json = await runQueuepass(['client', '--json', 'list'], { environment });
  const clients = JSON.parse(json.stdout) as { client_id: string }[];
  t.deepEqual(
    clients.map((client) => client.client_id),
    ['lab-ci', 'the-manager'],
  );
});

test.serial('control characters are printed as escape sequences', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'manager');
  await addClient(server, { client_id: 'evil', email: 'a\u001b[2Jb\u009b', max_priority: { 'q\n': 1 } });
  const { stdout } = await runQueuepass(['client', 'list'], { environment });
  t.true(stdout.includes('a\\u001b[2Jb\\u009b'), stdout);
  t.true(stdout.includes('q\\u000a=1'), stdout);
});

test.serial('client show prints one client', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'manager');
  await addClient(server, { client_id: 'a.b@c d', max_priority: { q1: 50 } });
  const { stdout } = await runQueuepass(['client', 'show', 'a.b@c d'], { environment });
  t.regex(stdout, /^client +a\.b@c d\nrole +contributor\nmax priority +q1=50\n/);
  const json = await runQueuepass(['client', 'show', 'a.b@c d', '--json'], { environment });
  t.deepEqual((JSON.parse(json.stdout) as { max_priority: object }).max_priority, { q1: 50 });
});

test.serial('client set changes the given fields, keeps the rest, and removes entries of 0', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'manager');
  const before = { max_priority: { '*': 1, q1: 50 }, max_reservation_time: { q1: 60 }, email: 'a@b.cd' };
  await addClient(server, { client_id: 'lab-ci', ...before });
  const limits = ['--max-priority', '*=0', '--max-priority', 'a=b=7'];
  const run = await runQueuepass(['client', 'set', 'lab-ci', ...limits, '--role', 'agent'], {
    environment,
  });
  t.is(run.status, 0, run.stderr);
  t.regex(run.stdout, /max priority +q1=50 a=b=7\n/);
  const record = await server.deps.collections.clients.findOne({ client_id: 'lab-ci' });
  t.deepEqual(record?.max_priority, { q1: 50, 'a=b': 7 });
  t.deepEqual(record?.max_reservation_time, { q1: 60 });
  t.is(record?.email, 'a@b.cd');
  t.is(record?.role, 'agent');
});

test.serial('client set with nothing to change is a usage error', async (t) => {
  const run = await runQueuepass(['client', 'set', 'lab-ci', '--json'], {});
  t.is(run.status, 2);
  t.is(run.stderr, 'queuepass: there is nothing to change; see: queuepass client set --help\n');
});

test.serial('client remove deletes the client', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'admin');
  await addClient(server, { client_id: 'lab-ci' });
  const run = await runQueuepass(['client', 'remove', 'lab-ci', '--json'], { environment });
  t.deepEqual(JSON.parse(run.stdout), { client_id: 'lab-ci', removed: true });
  t.is(await server.deps.collections.clients.findOne({ client_id: 'lab-ci' }), null);
});

for (const command of ['show', 'set --role agent', 'disable', 'enable', 'remove']) {
  test.serial(`client ${command} of an unknown client prints the next step`, async (t) => {
    const server = await startServer(t);
    const { environment } = await addActor(server, 'admin');
    const run = await runQueuepass(['client', ...command.split(' '), 'nobody'], { environment });
    t.is(run.status, 1);
    t.is(run.stdout, '');
    t.regex(run.stderr, /^queuepass: .*there is no client nobody: see `queuepass client list`.*\n$/);
  });
}

test.serial('a validation error of the server is printed with the name of the field', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'manager');
  const run = await runQueuepass(['client', 'add', 'x', '--email', '@'], { environment });
  t.is(run.status, 1);
  t.is(run.stderr, 'queuepass: Validation error; email: Not a valid email address.\n');
});

test.serial(
  'client disable and enable change whether a client can log in, and show and list mark it',
  async (t) => {
    const server = await startServer(t);
    const { environment } = await addActor(server, 'manager');
    const { key } = await addActor(server, 'contributor', 'lab-ci');
    const run = (...args: string[]) => runQueuepass(['client', ...args], { environment });
    const logIn = async () =>
      (await server.request('/v1/authenticate/token/lab-ci', { headers: { 'client-key': key } })).status;
    t.deepEqual(await run('disable', 'lab-ci'), {
      status: 0,
      stdout:
        'Disabled the client lab-ci; its existing access tokens are valid for at most ten more minutes\n',
      stderr: '',
    });
    t.is(await logIn(), 401);
    t.regex((await run('show', 'lab-ci')).stdout, /\nstate +disabled\n$/);
    t.deepEqual((await run('list')).stdout.split('\n'), [
      'CLIENT       ROLE         MAX PRIORITY  MAX RESERVATION  OWN QUEUES  EMAIL  STATE',
      'lab-ci       contributor  -             -                -           -      disabled',
      'the-manager  manager      -             -                -           -      -',
      '',
    ]);
    t.like(JSON.parse((await run('show', 'lab-ci', '--json')).stdout), { disabled: true });
    t.is((await run('set', 'lab-ci', '--max-priority', 'q=1')).status, 0);
    t.is(await logIn(), 401, 'a change of its permissions leaves it disabled');
    t.is(
      (await run('enable', 'lab-ci')).stdout,
      'Enabled the client lab-ci; its keys and refresh tokens work again\n',
    );
    t.is(await logIn(), 200);
    t.false((await run('show', 'lab-ci')).stdout.includes('state'));
    for (const command of ['disable', 'enable'])
      t.deepEqual(JSON.parse((await run(command, 'lab-ci', '--json')).stdout), {
        client_id: 'lab-ci',
        disabled: command === 'disable',
      });
  },
);
