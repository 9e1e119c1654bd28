import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import test from 'ava';
import { MongoServerError } from 'mongodb';
import type { AuditEvent } from '../../server/core/audit.js';
import { queuepassCommand } from '../support/build-server.js';
import { bearer } from '../support/clients.js';
import { addActor, runQueuepass } from '../support/queuepass.js';
import { startServer, type TestServer } from '../support/start-server.js';

interface Shown {
  id: string;
  at: string;
  event: string;
  actor?: string;
  target?: string;
}

async function read(server: TestServer, query = ''): Promise<{ events: Shown[]; next: string | undefined }> {
  const response = await server.request(`/v1/audit${query}`, {
    headers: bearer(server, { client_id: 'boss', role: 'admin' }),
  });
  const events = (await response.json()) as Shown[];
  const next = /\/v1\/audit(\?[^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
  return { events, next };
}

const changes = (count: number): AuditEvent[] =>
  Array.from({ length: count }, (_, n) => ({
    event: n % 2 === 0 ? 'secret_changed' : 'client_changed',
    outcome: 'accepted',
    actor: `client-${n % 3}`,
    target: `target-${n}`,
    source: '192.0.2.1',
  }));

test('the audit trail is listed newest first, in pages without a gap or a repetition', async (t) => {
  const server = await startServer(t);
  // Several in one millisecond.
  await Promise.all(changes(25).map((event) => server.deps.audit(event)));
  await server.deps.audit({ event: 'login', outcome: 'accepted', actor: 'client-0' });
  const all = (await read(server, '?limit=1000')).events;
  t.is(all.length, 26);
  const times = all.map(({ at }) => Date.parse(at));
  t.deepEqual(
    times,
    [...times].sort((a, b) => b - a),
  );
  for (const limit of [1, 7, 25, 26]) {
    const paged: Shown[] = [];
    for (let query: string | undefined = `?limit=${limit}`; query !== undefined; ) {
      const { events, next } = await read(server, query);
      t.true(events.length <= limit);
      paged.push(...events);
      query = next;
    }
    t.deepEqual(paged, all);
  }
  t.is((await read(server)).events.length, 26);
});

test('each filter of the audit trail selects by its field', async (t) => {
  const server = await startServer(t);
  await Promise.all(changes(12).map((event) => server.deps.audit(event)));
  const count = async (query: string) => (await read(server, query)).events.length;
  t.is(await count('?event=user_updated'), 6);
  t.is(await count('?actor=client-1'), 4);
  t.is(await count('?actor=client-1&event=sensitive_update'), 2);
  t.is(await count('?target=target-5'), 1);
  t.is(await count('?source=192.0.2.1'), 12);
  t.is(await count('?source=192.0.2.2'), 0);
  t.is(await count('?outcome=refused'), 0);
  t.is(await count('?since=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z'), 0);
  t.is(await count('?since=2020-01-01T00:00:00Z'), 12);
  t.is(await count('?cursor=nonsense'), 0);
  for (const query of ['limit=0', 'limit=1001', 'outcome=maybe', 'since=yesterday', 'actor=']) {
    const headers = bearer(server, { client_id: 'boss', role: 'admin' });
    t.is((await server.request(`/v1/audit?${query}`, { headers })).status, 422, query);
  }
});

test.serial('queuepass audit prints a table, JSON lines, and new events as they come', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'admin');
  await Promise.all(changes(3).map((event) => server.deps.audit(event)));
  const table = await runQueuepass(['audit', '--actor', 'client-1'], { environment });
  t.is(table.status, 0, table.stderr);
  const [head = '', row = '', ...others] = table.stdout.trim().split('\n');
  t.regex(head, /^TIME +EVENT +OUTCOME +ACTOR +TARGET +SOURCE +DETAIL$/);
  t.regex(row, /^20\S+Z +user_updated +accepted +client-1 +target-1 +192\.0\.2\.1 +-$/);
  t.deepEqual(others, []);
  const lines = await runQueuepass(['audit', '--json', '--event', 'sensitive_update'], { environment });
  const targets = lines.stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as Shown).target);
  t.deepEqual(targets.sort(), ['target-0', 'target-2']);
  const wrong = await runQueuepass(['audit', '--limit', 'x'], { environment });
  t.deepEqual([wrong.status, wrong.stdout], [2, '']);

  const { command, args, env } = followCommand(environment);
  const following = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const shown = createInterface({ input: following.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse(String((await shown.next()).value)) as Shown;
  t.is((await next()).target, 'target-2');
  await server.deps.audit({ event: 'secret_changed', outcome: 'accepted', target: 'later' });
  t.is((await next()).target, 'later');
  await server.deps.audit({ event: 'secret_changed', outcome: 'accepted', target: 'last' });
  t.is((await next()).target, 'last', 'no event is shown twice');
  // A restart of the server does not end it.
  const { auditEvents } = server.deps.collections;
  const { find } = auditEvents;
  Object.assign(auditEvents, {
    find: () => {
      throw new MongoServerError({ message: 'no primary', code: 11600 });
    },
  });
  const [said] = (await once(following.stderr, 'data')) as [Buffer];
  t.regex(String(said), /trying again every 2 s\n$/);
  Object.assign(auditEvents, { find });
  await server.deps.audit({ event: 'secret_changed', outcome: 'accepted', target: 'after it' });
  t.is((await next()).target, 'after it');
  following.kill('SIGINT');
  await once(following, 'exit');
});

function followCommand(environment: NodeJS.ProcessEnv) {
  const filters = ['--limit', '1', '--event', 'sensitive_update'];
  const args = [queuepassCommand, 'audit', '--follow', '--json', ...filters];
  return { command: process.execPath, args, env: { PATH: process.env['PATH'], ...environment } };
}
