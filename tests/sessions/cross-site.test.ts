import test from 'ava';
import { routes } from '../../server/areas.js';
import { nameOfRoute, rolesOf, schemesOf } from '../../server/http/route.js';
import { addClient, bearer } from '../support/clients.js';
import { readForm } from '../support/oidc/browser.js';
import { checkOneRefusal } from '../support/refusals.js';
import { openSession, statusOf } from '../support/sessions.js';
import { share } from '../support/share-server.js';
import { startServer } from '../support/start-server.js';

const shared = share(test, async (owner) => {
  const server = await startServer(owner);
  await addClient(server, { client_id: 'chief', role: 'admin' });
  await addClient(server, { client_id: 'other', role: 'admin' });
  return server;
});

/** Every route that changes something and that an admin can call with a session. */
const unsafe = routes.filter(
  (route) =>
    route.method !== 'GET' &&
    schemesOf(route).includes('session') &&
    (rolesOf(route).length === 0 || rolesOf(route).includes('admin')),
);

const message = 'Cross-site request refused';

interface Sent {
  headers: Record<string, string>;
  body?: BodyInit;
}

/** The requests that must be refused, with the cookie of a valid session. */
function listRefused(own: string, token: string, foreignToken: string): Record<string, Sent> {
  const site = (value: string) => ({ headers: { 'sec-fetch-site': value, 'x-csrf-token': token } });
  const withToken = (value: string) => ({
    headers: { 'sec-fetch-site': 'same-origin', 'x-csrf-token': value },
  });
  return {
    'no header': { headers: { 'x-csrf-token': token } },
    'cross-site': site('cross-site'),
    'same-site': site('same-site'),
    none: site('none'),
    'an empty site': site(''),
    'another Origin': { headers: { origin: 'https://another.example', 'x-csrf-token': token } },
    'the Origin null': { headers: { origin: 'null', 'x-csrf-token': token } },
    'another port': { headers: { origin: own.replace(/\d+$/, '1'), 'x-csrf-token': token } },
    'cross-site with the own Origin': {
      headers: { 'sec-fetch-site': 'cross-site', origin: own, 'x-csrf-token': token },
    },
    'no token': { headers: { 'sec-fetch-site': 'same-origin' } },
    'a wrong token': withToken('x'.repeat(86)),
    'a token cut short': withToken(token.slice(1)),
    'a token of another session': withToken(foreignToken),
  };
}

const count = unsafe.length;

for (const route of unsafe) {
  const name = nameOfRoute(route);
  test(`${name} refuses a cross-site request with the cookie of a session`, async (t) => {
    const server = shared();
    // Its own client, since some routes end the other sessions of theirs.
    const clientId = name.replaceAll(/\W+/g, '-');
    await addClient(server, { client_id: clientId, role: 'admin' });
    const session = await openSession(server, clientId);
    const other = await openSession(server, 'other');
    const path = route.path.replaceAll(/\{\w+\}/g, 'nothing');
    const send = ({ headers, body }: Sent) =>
      server.request(path, {
        method: route.method,
        headers: { cookie: session.cookie, ...headers },
        ...(body !== undefined && { body }),
      });
    const refused = listRefused(server.url, session.csrfToken, other.csrfToken);
    for (const [label, sent] of Object.entries(refused)) {
      const answer = await send(sent);
      t.is(answer.status, 403, label);
      t.true((await answer.text()).includes(message), label);
    }
    t.is(await statusOf(server, session.cookie), 200, 'the session goes on');
    const passes: Sent['headers'][] = [
      bearer(server, { client_id: 'somebody', role: 'admin' }),
      { 'sec-fetch-site': 'same-origin', 'x-csrf-token': session.csrfToken },
    ];
    // A route that only takes sessions sees no Bearer header.
    if (!schemesOf(route).includes('accessToken')) passes.shift();
    for (const headers of passes) t.false((await (await send({ headers })).text()).includes(message));
  });
}

test('there are routes to refuse', (t) => {
  t.true(count >= 20, String(count));
});

test('the own Origin passes where a browser sends no Sec-Fetch-Site, and the field of a form instead of the header', async (t) => {
  const server = shared();
  const send = async (fields: Record<string, string>, headers: Record<string, string>) => {
    const session = await openSession(server, 'chief');
    const answer = await server.request('/auth/logout', {
      method: 'POST',
      headers: { cookie: session.cookie, ...headers },
      body: new URLSearchParams({
        ...fields,
        ...(fields.csrf_token === 'right' && { csrf_token: session.csrfToken }),
      }),
    });
    return answer.status;
  };
  const own = { origin: server.url };
  t.is(await send({ csrf_token: 'right' }, own), 302);
  t.is(await send({ csrf_token: 'right' }, { 'sec-fetch-site': 'same-origin' }), 302);
  t.is(await send({ csrf_token: 'right' }, { 'sec-fetch-site': 'cross-site' }), 403);
  t.is(await send({}, own), 403);
  t.is(await send({ csrf_token: '' }, own), 403);
  t.is(await send({ csrf_token: 'right' }, { ...own, 'x-csrf-token': 'wrong' }), 403, 'the header counts');
});

test('a refused request changes nothing and leaves one event, with the client', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'chief', role: 'admin' });
  await addClient(server, { client_id: 'other' });
  const session = await openSession(server, 'chief');
  const headers = { cookie: session.cookie, 'sec-fetch-site': 'cross-site' };
  const remove = () => server.request('/v1/client-permissions/other', { method: 'DELETE', headers });
  const { event, result } = await checkOneRefusal(t, [server], 'DELETE', remove);
  t.like(await result.json(), { message });
  t.like(event, { event: 'cross_site_refused', actor: 'chief' });
  t.is(await server.deps.collections.clients.countDocuments({ client_id: 'other' }), 1);
});

test('a Bearer header counts instead of the cookie, also a wrong one', async (t) => {
  const server = shared();
  await addClient(server, { client_id: 'plain' });
  const { cookie } = await openSession(server, 'chief');
  const list = (headers: Record<string, string>) =>
    server.request('/v1/client-permissions', { headers: { cookie, ...headers } });
  t.is((await list({})).status, 200);
  t.is((await list(bearer(server, { client_id: 'plain' }))).status, 403, 'a contributor may not');
  for (const authorization of ['Bearer wrong', 'Basic wrong', 'wrong']) {
    const { status } = await list({ authorization });
    t.true(status === 401 || status === 403, `${authorization}: ${status}`);
  }
});

for (const [path, fields] of [
  ['/auth/local', { client_id: 'chief', client_key: 'wrong' }],
  ['/auth/once', { token: 'wrong' }],
] as const) {
  test(`${path} takes a form only from the browser that opened its page`, async (t) => {
    const server = await startServer(t);
    const openPage = async () => {
      const page = await server.request(path);
      const [line = ''] = page.headers.getSetCookie();
      const { fields: hidden } = readForm(await page.text());
      return { cookie: line.split(';')[0] as string, token: hidden.csrf_token as string };
    };
    const [mine, yours] = [await openPage(), await openPage()];
    const post = (headers: Record<string, string>, token: string | undefined) =>
      server.request(path, {
        method: 'POST',
        headers,
        body: new URLSearchParams({ ...fields, ...(token !== undefined && { csrf_token: token }) }),
      });
    const same = { 'sec-fetch-site': 'same-origin' };
    const refused: [label: string, headers: Record<string, string>, token: string | undefined][] = [
      ['no cookie', same, mine.token],
      ['an empty cookie', { ...same, cookie: '__Host-queuepass_login=' }, mine.token],
      ['another cookie', { ...same, cookie: yours.cookie }, mine.token],
      ['no token', { ...same, cookie: mine.cookie }, undefined],
      ['another token', { ...same, cookie: mine.cookie }, yours.token],
      ['cross-site', { 'sec-fetch-site': 'cross-site', cookie: mine.cookie }, mine.token],
      ['no header', { cookie: mine.cookie }, mine.token],
    ];
    for (const [label, headers, token] of refused) {
      const { result, event } = await checkOneRefusal(t, [server], label, () => post(headers, token));
      t.is(result.status, 403, label);
      t.true((await result.text()).includes(message), label);
      t.is(event.event, 'cross_site_refused', label);
    }
    const right = () => post({ ...same, cookie: mine.cookie }, mine.token);
    const { result } = await checkOneRefusal(t, [server], 'a wrong secret', right);
    t.is(result.status, 401);
  });
}

test('a form that is no form, too long, or repeats a field is refused without a stack trace', async (t) => {
  const server = shared();
  const page = await server.request('/auth/local');
  const [line = ''] = page.headers.getSetCookie();
  const token = readForm(await page.text()).fields.csrf_token as string;
  const post = async (body: string, type = 'application/x-www-form-urlencoded') => {
    const headers = {
      cookie: line.split(';')[0] as string,
      'sec-fetch-site': 'same-origin',
      'content-type': type,
    };
    const answer = await server.request('/auth/local', { method: 'POST', headers, body });
    t.notRegex(await answer.text(), /\n\s+at |node_modules/);
    return answer.status;
  };
  const field = `csrf_token=${token}`;
  t.is(await post(`{"csrf_token":"${token}","client_id":{"$ne":""}}`, 'application/json'), 403);
  t.is(await post(`${field}&client_id=${'x'.repeat(2 ** 20)}`), 413);
  t.is(await post(`${field}&client_id[$ne]=&client_key[$ne]=`), 401);
  t.is(await post(`${field}&client_id=%00&client_key=%ff`), 401);
  t.is(await post(`${field}&client_id=chief&client_id=other&client_key=x&client_key=y`), 401);
  t.is(await post(`csrf_token=x&${field}`), 401, 'the last one counts');
  t.is(await post(`${field}&client_id=__proto__&client_key=constructor`), 401);
});

test('an agent that signs in by the form gets 403 and leaves one event', async (t) => {
  const server = await startServer(t);
  const secret = 'a client secret of good length';
  await addClient(server, { client_id: 'rack', role: 'agent' }, secret);
  const page = await server.request('/auth/local');
  const [line = ''] = page.headers.getSetCookie();
  const { fields } = readForm(await page.text());
  const body = new URLSearchParams({ ...fields, client_id: 'rack', client_key: secret });
  const headers = { cookie: line.split(';')[0] as string, 'sec-fetch-site': 'same-origin' };
  // The first login needs a hash, the second one does not.
  for (let n = 0; n < 2; n += 1) {
    const { result, event } = await checkOneRefusal(t, [server], 'agent', () =>
      server.request('/auth/local', { method: 'POST', headers, body }),
    );
    t.is(result.status, 403);
    t.is(event.reason, 'role agent');
  }
  t.false(server.logged.some(({ event, outcome }) => event === 'login' && outcome === 'accepted'));
  t.is(await server.deps.collections.sessions.countDocuments(), 0);
});
