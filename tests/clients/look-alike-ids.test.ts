import test from 'ava';
import { findLookAlike } from '../../server/clients/look-alike-ids.js';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { listCommands } from '../support/logins.js';
import { startServer, type TestServer } from '../support/start-server.js';

const client_secret = 'a client secret of good length';

async function put(server: TestServer, id: string, body: object = { client_secret }): Promise<unknown> {
  const headers = bearer(server, { client_id: 'boss', role: 'manager' });
  const init = { ...jsonBody(body, headers), method: 'PUT' };
  const response = await server.request(`/v1/client-permissions/${encodeURIComponent(id)}`, init);
  if (response.status !== 422) return response.status;
  const { detail } = (await response.json()) as { detail: { json: { client_id: string[] } } };
  return detail.json.client_id[0];
}

const alike = (id: string) => `Looks like the id of the client ${id}; choose another id.`;
const misleading = 'Must be in the Unicode form NFC and without invisible characters.';
const mixed = 'Must not mix Latin letters with letters or digits of another alphabet.';

test('a new id cannot look like that of the admin client, which needs no record', async (t) => {
  const server = await startServer(t);
  for (const id of [
    'Testflinger-admin',
    'TESTFLINGER-ADMIN',
    'testfIinger-admin',
    'testf1inger-admin',
    'test\uFB02inger-admin',
    'testflinger\u2010admin',
    'testflinger\u2212admin',
    't\u00E9stfl\u00EFnger-\u00E1dmin',
    'testflinger-adm\u0131n',
    '\uFF54\uFF45\uFF53\uFF54\uFF46\uFF4C\uFF49\uFF4E\uFF47\uFF45\uFF52-admin',
  ]) {
    t.is(await put(server, id), alike('testflinger-admin'), id);
  }
  t.is(await server.deps.collections.clients.countDocuments(), 0);
});

test('a new id cannot look like that of another client, and the client itself can be changed', async (t) => {
  const server = await startServer(t);
  for (const id of ['Lab-10', 'copy', '\u0421\u041E\u0420', 'stra\u00DFe'])
    await addClient(server, { client_id: id });
  t.is(await put(server, 'lab-10'), alike('Lab-10'));
  t.is(await put(server, 'Lab-lO'), alike('Lab-10'));
  t.is(await put(server, '\u0441\u043E\u0440\u0443'), alike('copy'), 'all Cyrillic');
  t.is(await put(server, 'cop'), alike('\u0421\u041E\u0420'), 'an existing id in Cyrillic');
  t.is(await put(server, 'STRA\u00DFE'), alike('stra\u00DFe'));
  for (const id of ['Lab-10', 'copy']) t.is(await put(server, id, { max_priority: { q: 1 } }), 200, id);
  for (const id of ['lab-11', 'lab-1', 'lab_10', 'copy-2', 'a@b.example'])
    t.is(await put(server, id), 200, id);
});

test('a new id has no invisible characters and no letters of several alphabets', async (t) => {
  const server = await startServer(t);
  for (const hidden of [
    '\u200B',
    '\u00AD',
    '\u202E',
    '\uFEFF',
    '\u00A0',
    '\u3164',
    '\uFE0F',
    '\uE000',
    '\u{E0041}',
  ])
    t.is(await put(server, `lab${hidden}ci`), misleading, hidden.codePointAt(0)?.toString(16));
  t.is(await put(server, 'a\u0308'), misleading);
  t.is(await put(server, '\u2126'), misleading);
  for (const id of ['l\u0430b', 'lab-\u03B1', 'l\u0661', 'ci\u0585']) t.is(await put(server, id), mixed, id);
  for (const id of ['m\u00FCller', '\u03A9', '\u043B\u0430\u0431-1', '\u6771\u4EAC-lab', '\u30E9\u30DC-lab'])
    t.is(await put(server, id), 200, id);
});

test('of two simultaneous new clients whose ids look alike at most one is created', async (t) => {
  const server = await startServer(t);
  await Promise.all(['lab-ci', 'Lab-CI'].map((id) => put(server, id)));
  t.true((await server.deps.collections.clients.countDocuments()) <= 1);
});

for (const count of [10, 100_000]) {
  test(`with ${count} clients, a look-alike is found, and MongoDB returns only the clients that could be one`, async (t) => {
    const server = await startServer(t);
    const { clients } = server.deps.collections;
    await clients.insertMany(
      Array.from({ length: count }, (_, n) => ({ client_id: `client-${n}` })) as never[],
      {
        ordered: false,
      },
    );
    const commands = await listCommands(server, 'client_permissions', async () => {
      t.is(await findLookAlike({ clients }, `CLIENT-${count - 1}`), `client-${count - 1}`);
      t.is(await findLookAlike({ clients }, 'another'), undefined);
    });
    t.log(commands.map(({ millis, planSummary }) => `${millis} ms, ${planSummary}`));
    t.deepEqual(
      commands.map(({ nreturned }) => nreturned),
      [1, 0],
    );
  });
}
