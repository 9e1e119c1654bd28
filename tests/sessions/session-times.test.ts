import test from 'ava';
import { addClient } from '../support/clients.js';
import { openSession, statusOf } from '../support/sessions.js';
import { startServer } from '../support/start-server.js';
import { TestClock } from '../support/tokens.js';

const minute = 60;
const hour = 3600;

/** Starts a server with a clock and a session. */
async function start(t: Parameters<typeof startServer>[0], settings: Record<string, string> = {}) {
  const clock = new TestClock();
  const server = await startServer(t, { clock, settings });
  await addClient(server, { client_id: 'ci' });
  const session = await openSession(server, 'ci');
  const read = async () => {
    const answer = await server.request('/v1/session', { headers: { cookie: session.cookie } });
    return (await answer.json()) as Record<string, string>;
  };
  const find = () => server.deps.collections.sessions.findOne({ handle: session.handle });
  const { cookie } = session;
  return { clock, server, read, find, cookie, status: () => statusOf(server, cookie) };
}

test('a session ends two hours after its last request, and twelve after its beginning', async (t) => {
  const { clock, status, read } = await start(t);
  const begun = clock.now().getTime();
  for (let n = 1; n <= 6; n += 1) {
    clock.move(2 * hour - 1);
    if (n === 6) break;
    t.is(await status(), 200, `use ${n}`);
    const { expires_at, idle_expires_at } = await read();
    t.is(Date.parse(expires_at as string), begun + 12 * hour * 1000, 'the latest end stays');
    t.is(Date.parse(idle_expires_at as string), clock.now().getTime() + 2 * hour * 1000);
  }
  t.is(await status(), 200, 'six seconds before its latest end');
  clock.move(5);
  t.is(await status(), 200);
  clock.move(1);
  t.is(await status(), 401);
});

test('a session that nobody uses ends after two hours, and no request brings it back', async (t) => {
  const { clock, status, server, find } = await start(t);
  clock.move(2 * hour - 1);
  t.is(await statusOf(server, '__Host-queuepass_session=none'), 401, 'another request is no use');
  clock.move(1);
  t.is(await status(), 401);
  t.is(await status(), 401);
  t.true((await find())?.idle_expires_at?.getTime() === clock.now().getTime(), 'nothing was written');
});

test('the last use of a session is written once a minute at most', async (t) => {
  const { clock, find, status } = await start(t);
  const seen = async () => (await find())?.last_seen_at.getTime();
  const begun = clock.now().getTime();
  clock.move(minute - 1);
  t.is(await status(), 200);
  t.is(await seen(), begun);
  clock.move(1);
  t.is(await status(), 200);
  t.is(await seen(), begun + minute * 1000);
  clock.move(30);
  t.is(await status(), 200);
  t.is(await seen(), begun + minute * 1000);
});

test('with SESSION_IDLE_MINUTES=0 only the latest end counts, which SESSION_HOURS sets', async (t) => {
  const { clock, status, read, find } = await start(t, { SESSION_IDLE_MINUTES: '0', SESSION_HOURS: '30' });
  t.is((await read()).idle_expires_at, null as never);
  t.false('idle_expires_at' in ((await find()) ?? {}));
  clock.move(30 * hour - 1);
  t.is(await status(), 200);
  clock.move(1);
  t.is(await status(), 401);
});

test('an ended session is not listed, and MongoDB removes it at its latest end', async (t) => {
  const { clock, server, find } = await start(t);
  clock.move(2 * hour);
  const { cookie } = await openSession(server, 'ci');
  const list = await server.request('/v1/sessions', { headers: { cookie } });
  t.is(((await list.json()) as unknown[]).length, 1);
  const indexes = await server.deps.collections.sessions.indexes();
  t.like(
    indexes.find(({ name }) => name === 'qp_expiry'),
    { key: { expires_at: 1 }, expireAfterSeconds: 0 },
  );
  t.truthy(await find());
});
