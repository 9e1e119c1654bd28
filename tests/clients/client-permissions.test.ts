import test from 'ava';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { askToken, logIn } from '../support/logins.js';
import { startServer, type TestServer } from '../support/start-server.js';

const secret = 'a client secret of good length';

interface Answer {
  status: number;
  body: unknown;
}

/** Sends a request with a role, by default admin. A JSON response is parsed. */
async function call(
  server: TestServer,
  method: string,
  path: string,
  body?: unknown,
  role = 'admin',
): Promise<Answer> {
  const headers = bearer(server, { client_id: 'boss', role });
  const init = body === undefined ? { headers } : jsonBody(body, headers);
  const response = await server.request(`/v1/client-permissions${path}`, { ...init, method });
  const isJson = response.headers.get('content-type') === 'application/json';
  return { status: response.status, body: isJson ? await response.json() : await response.text() };
}

const refused = (status: number, message: string): Answer => ({ status, body: { message, detail: {} } });
const wrongField = (reasons: object): Answer => ({
  status: 422,
  body: { message: 'Validation error', detail: { json: reasons } },
});
const unknownClient = refused(404, 'Error: Specified client_id does not exist.');
const created = (id: string): Answer => ({ status: 200, body: `Created permissions for client '${id}'` });
const updated = (id: string): Answer => ({ status: 200, body: `Updated permissions for client '${id}'` });

test.serial('clients are returned with every permission field and never with a hash', async (t) => {
  const server = await startServer(t);
  const bare = { client_id: 'bare', client_secret_hash: 'h', sub: 'oidc|1', last_login: new Date() };
  await server.deps.collections.clients.insertOne(bare as never);
  const full = {
    client_id: 'full',
    role: 'agent',
    max_priority: { '*': 1 },
    max_reservation_time: { q: 3 },
    allowed_queues: ['q'],
    email: 'a@example.com',
  };
  await addClient(server, full, secret);
  const shown = {
    client_id: 'bare',
    role: 'contributor',
    max_priority: {},
    max_reservation_time: {},
    allowed_queues: [],
  };
  t.deepEqual(await call(server, 'GET', '', undefined, 'manager'), { status: 200, body: [shown, full] });
  t.deepEqual(await call(server, 'GET', '/full', undefined, 'manager'), { status: 200, body: full });
  t.deepEqual(await call(server, 'GET', '/nobody'), unknownClient);
});

test.serial(
  'a PUT creates a client with defaults, and a later PUT changes only the given fields',
  async (t) => {
    const server = await startServer(t);
    const stored = () =>
      server.deps.collections.clients.findOne({ client_id: 'ci' }, { projection: { _id: 0 } });
    t.deepEqual(await call(server, 'PUT', '/ci', { client_secret: secret }), created('ci'));
    const { client_secret_hash: hash = '', ...rest } = (await stored()) ?? { client_id: '' };
    t.regex(hash, /^\$2b\$04\$/);
    const defaults = { role: 'contributor', max_priority: {}, max_reservation_time: {}, allowed_queues: [] };
    t.deepEqual(rest, { client_id: 'ci', ...defaults });
    t.is((await logIn(server, 'ci', secret)).status, 200);
    const change = { max_priority: { q1: '5', '*': 1 }, email: 'ci@example.com', role: 'agent' };
    t.deepEqual(await call(server, 'PUT', '/ci', change), updated('ci'));
    t.deepEqual(await call(server, 'PUT', '/ci', { max_priority: { q2: -7 } }), updated('ci'));
    t.deepEqual(await call(server, 'PUT', '/ci', {}), updated('ci'));
    const wanted = { ...defaults, client_id: 'ci', client_secret_hash: hash };
    t.deepEqual((await stored()) as object, {
      ...wanted,
      max_priority: { q2: -7 },
      email: 'ci@example.com',
      role: 'agent',
    });
  },
);

test.serial(
  'queue names with dots, dollar signs and names of inherited properties are stored unchanged',
  async (t) => {
    const server = await startServer(t);
    const limits = JSON.parse('{"a.b": 1, "$where": 2, "__proto__": 3, "constructor": 4, "": 5}') as object;
    const body = { client_secret: secret, max_priority: limits, max_reservation_time: limits };
    t.deepEqual(await call(server, 'PUT', '/ci', body), created('ci'));
    t.deepEqual(await call(server, 'PUT', '/ci', { max_priority: limits }), updated('ci'));
    const { body: shown } = await call(server, 'GET', '/ci');
    t.is(JSON.stringify((shown as Record<string, unknown>).max_priority), JSON.stringify(limits));
  },
);

test.serial('wrong fields are reported with their reasons, and nothing is stored', async (t) => {
  const server = await startServer(t);
  const tooLong = 'Must be at most 72 bytes long and without NUL.';
  const prefixed = 'Must not begin with qpk_, as keys made by the server do.';
  const rows: [body: object, reasons: object][] = [
    [{ client_secret: 'x'.repeat(14) }, { client_secret: ['Shorter than minimum length 15.'] }],
    [{ client_secret: 'ä'.repeat(37) }, { client_secret: [tooLong] }],
    [{ client_secret: `${secret}\0` }, { client_secret: [tooLong] }],
    [{ client_secret: 'qpk_0123456789abcdef' }, { client_secret: [prefixed] }],
    [{ client_secret: { $gt: '' } }, { client_secret: ['Not a valid string.'] }],
    [{ client_secret: secret, allowed_queues: ['q'] }, { allowed_queues: ['Unknown field.'] }],
    [
      { client_secret: secret, role: 'root' },
      { role: ['Must be one of: admin, manager, contributor, agent.'] },
    ],
    [{ client_secret: secret, email: 'nobody' }, { email: ['Not a valid email address.'] }],
    [{ max_priority: { q: 1.5 } }, { max_priority: { q: { value: ['Not a valid integer.'] } } }],
    [{ max_priority: ['q'] }, { max_priority: ['Not a valid mapping type.'] }],
    [
      { max_reservation_time: { q: true } },
      { max_reservation_time: { q: { value: ['Not a valid integer.'] } } },
    ],
  ];
  for (const [body, reasons] of rows)
    t.deepEqual(await call(server, 'PUT', '/ci', body), wrongField(reasons), JSON.stringify(body));
  t.is(await server.deps.collections.clients.countDocuments(), 0);
  t.deepEqual(await call(server, 'PUT', '/ci', { client_secret: 'ä'.repeat(36) }), created('ci'));
});

test.serial('a new client needs a secret and a valid id', async (t) => {
  const server = await startServer(t);
  const missing = refused(400, 'Error: Missing client_secret in request body for new client');
  t.deepEqual(await call(server, 'PUT', '/ci', {}), missing);
  const wrongId = wrongField({
    client_id: ['Must be 1 to 128 characters without blanks, control characters, : and /.'],
  });
  for (const id of ['a b', 'a:b', 'a\nb', 'a\0', 'a\x7f', 'x'.repeat(129), 'a/b']) {
    const path = `/${encodeURIComponent(id)}`;
    t.deepEqual(await call(server, 'PUT', path, { client_secret: secret }), wrongId, JSON.stringify(id));
  }
  for (const id of ['x'.repeat(128), 'a@b.c', '$set', '__proto__', 'ä%?#', 'Ω']) {
    const path = `/${encodeURIComponent(id)}`;
    t.deepEqual(await call(server, 'PUT', path, { client_secret: secret }), created(id), id);
    t.is((await logIn(server, id, secret)).status, 200, id);
  }
});

test.serial('an existing client can be changed even if its id is invalid for a new one', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'an old: id' });
  t.deepEqual(
    await call(server, 'PUT', '/an%20old%3A%20id', { max_priority: { q: 1 } }),
    updated('an old: id'),
  );
});

test.serial('a new client cannot have the secrets namespace of another client', async (t) => {
  const server = await startServer(t);
  const shared = wrongField({
    client_id: ['Another client has the same secrets namespace; choose another id.'],
  });
  for (const id of ['a.b', 'x@at_y', 'p_at_dot_q', '(c)$']) await addClient(server, { client_id: id });
  for (const id of ['a_dot_b', 'x_at@y', 'x_at_at_y', 'p@dot_q', 'p_at.q', '(c)_dollar_'])
    t.deepEqual(
      await call(server, 'PUT', `/${encodeURIComponent(id)}`, { client_secret: secret }),
      shared,
      id,
    );
  for (const id of ['a-b', 'adotb', 'aXb', 'A.C', '_dot_', 'x_at_y'])
    t.deepEqual(await call(server, 'PUT', `/${id}`, { client_secret: secret }), created(id));
  t.deepEqual(
    await call(server, 'PUT', '/a.b', { max_priority: {} }),
    updated('a.b'),
    'an existing client can be updated',
  );
});

test.serial('of two simultaneous new clients with the same namespace at most one is created', async (t) => {
  const server = await startServer(t);
  for (let round = 0; round < 3; round += 1) {
    const ids = [`r${round}.x`, `r${round}_dot_x`];
    await Promise.all(ids.map((id) => call(server, 'PUT', `/${id}`, { client_secret: secret })));
    t.true((await server.deps.collections.clients.countDocuments({ client_id: { $in: ids } })) <= 1);
  }
});

test.serial('of many simultaneous PUTs of a new client one returns that it created it', async (t) => {
  const server = await startServer(t);
  const puts = Array.from({ length: 10 }, (_, i) =>
    call(server, 'PUT', '/ci', { client_secret: secret, max_priority: { q: i } }),
  );
  const texts = (await Promise.all(puts)).map(({ body }) => String(body));
  t.is(texts.filter((text) => text === created('ci').body).length, 1);
  t.is(texts.filter((text) => text === updated('ci').body).length, 9);
  t.is(await server.deps.collections.clients.countDocuments(), 1);
});

test.serial('the built-in admin client can be neither changed nor deleted', async (t) => {
  const server = await startServer(t);
  const { clients } = server.deps.collections;
  await addClient(server, { client_id: 'testflinger-admin', role: 'admin' }, secret);
  const before = await clients.findOne();
  const fixed = (action: string) => refused(422, `Error: System admin client cannot by ${action} from API.`);
  for (const role of ['manager', 'admin'])
    t.deepEqual(await call(server, 'PUT', '/testflinger-admin', {}, role), fixed('modified'));
  t.deepEqual(await call(server, 'DELETE', '/testflinger-admin'), fixed('deleted'));
  t.deepEqual(await clients.findOne(), before);
});

test.serial('nobody can change a client of a higher role or assign a higher role', async (t) => {
  const server = await startServer(t);
  for (const role of ['admin', 'manager', 'contributor', 'agent'])
    await addClient(server, { client_id: `a-${role}`, role }, secret);
  const modify = (id: string) => refused(403, `boss has insufficient permissions to modify client '${id}'`);
  const assign = (id: string) =>
    refused(403, `boss has insufficient permissions to assign role 'admin' to client '${id}'`);
  const change = { max_priority: { q: 1 } };
  t.deepEqual(await call(server, 'PUT', '/a-admin', change, 'manager'), modify('a-admin'));
  t.deepEqual(await call(server, 'PUT', '/a-admin', { role: 'admin' }, 'manager'), modify('a-admin'));
  for (const id of ['a-manager', 'a-contributor', 'a-agent']) {
    t.deepEqual(await call(server, 'PUT', `/${id}`, { role: 'admin' }, 'manager'), assign(id));
    t.deepEqual(await call(server, 'PUT', `/${id}`, { ...change, role: 'manager' }, 'manager'), updated(id));
  }
  const fresh = { client_secret: secret, role: 'admin' };
  t.deepEqual(await call(server, 'PUT', '/new', fresh, 'manager'), assign('new'));
  t.deepEqual(await call(server, 'PUT', '/new', fresh), created('new'));
  t.deepEqual(await call(server, 'PUT', '/a-admin', { role: 'agent' }), updated('a-admin'));
});

test.serial('a change is refused if the client is promoted above the caller meanwhile', async (t) => {
  const server = await startServer(t);
  const { clients } = server.deps.collections;
  const { bcryptPool } = server.deps;
  await addClient(server, { client_id: 'ci' });
  const hash = bcryptPool.hash.bind(bcryptPool);
  // The server checks the role, then hashes the new secret, then writes the change.
  bcryptPool.hash = async (text) => {
    await clients.updateOne({ client_id: 'ci' }, { $set: { role: 'admin' } });
    return hash(text);
  };
  const change = await call(server, 'PUT', '/ci', { client_secret: secret }, 'manager');
  t.deepEqual(change, refused(403, "boss has insufficient permissions to modify client 'ci'"));
  t.is((await clients.findOne())?.client_secret_hash, undefined);
});

test.serial('a client from OIDC cannot get a secret, a key or an email', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'person', sub: 'oidc|1' });
  const fixed = refused(422, 'Error: Cannot add email or client secret to OIDC client id');
  t.deepEqual(await call(server, 'PUT', '/person', { client_secret: secret }), fixed);
  t.deepEqual(await call(server, 'PUT', '/person', { email: 'p@example.com' }), fixed);
  t.deepEqual(await call(server, 'PUT', '/person?generate_key=true', {}), fixed);
  t.deepEqual(await call(server, 'PUT', '/person', { role: 'manager' }), updated('person'));
});

test.serial('deleting a client ends its refresh tokens and keys, not those of others', async (t) => {
  const server = await startServer(t);
  const made = await call(server, 'PUT', '/ci?generate_key=true', {});
  const { client_key: key } = made.body as { client_key: string };
  await addClient(server, { client_id: 'other' }, secret);
  const login = async (credentials: string) =>
    JSON.parse((await askToken(server, credentials)).body) as { refresh_token: string };
  const { refresh_token: mine } = await login(`ci:${key}`);
  const { refresh_token: others } = await login(`other:${secret}`);
  t.deepEqual(await call(server, 'DELETE', '/ci'), { status: 200, body: 'OK' });
  t.deepEqual(await call(server, 'DELETE', '/ci'), unknownClient);
  const refresh = async (refresh_token: string) =>
    (await server.request('/v1/oauth2/refresh', jsonBody({ refresh_token }))).status;
  t.is(await refresh(mine), 400);
  t.is(await refresh(others), 200);
  t.is((await logIn(server, 'ci', key)).status, 401);
  await call(server, 'PUT', '/ci', { client_secret: secret });
  t.is(
    (await logIn(server, 'ci', key)).status,
    401,
    'a new client with the same id does not get the old key',
  );
  t.is(await refresh(mine), 400);
  const roles = refused(403, 'Specified action requires role: admin');
  t.deepEqual(await call(server, 'DELETE', '/ci', undefined, 'manager'), roles);
});
