import test from 'ava';
import { bearer, jsonBody } from '../support/clients.js';
import { claim } from '../support/jobs.js';
import { deleteSecret, putSecret, secretsOf, secretsStores, submitWith } from '../support/secrets.js';
import { startServer, type TestServer } from '../support/start-server.js';

const expired = { message: 'Token has expired', detail: {} };

async function call(server: TestServer, method: string, id: string): Promise<void> {
  const headers = bearer(server, { client_id: 'boss', role: 'admin' });
  const body = { client_secret: 'a client secret of good length' };
  const init = method === 'PUT' ? jsonBody(body, headers) : { headers };
  const response = await server.request(`/v1/client-permissions/${id}`, { ...init, method });
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
}

for (const [name, choose] of Object.entries(secretsStores)) {
  test(`${name}: the token of a removed client stores, removes and uses no secret, even of a new client of its id`, async (t) => {
    const server = await startServer(t, { settings: await choose(t) });
    await call(server, 'PUT', 'ci');
    const old = bearer(server, { client_id: 'ci' });
    t.is((await putSecret(server, 'ci/a', { value: 'x' }, old)).status, 200);
    await call(server, 'DELETE', 'ci');
    const refused = async (when: string) => {
      t.deepEqual(
        await putSecret(server, 'ci/a', { value: 'planted' }, old),
        { status: 401, body: expired },
        when,
      );
      t.is((await deleteSecret(server, 'ci/a', old)).status, 401, when);
      t.deepEqual(await submitWith(server, { A: 'a' }, old), { status: 401, body: expired }, when);
    };
    await refused('without a record');
    await call(server, 'PUT', 'ci');
    await refused('with the record of a new client');
    const headers = bearer(server, { client_id: 'ci' });
    const { status, body } = await submitWith(server, { A: 'a' }, headers);
    t.deepEqual([status, (body as { message: string }).message], [422, 'Inaccessible secret paths: a']);
    t.is((await putSecret(server, 'ci/a', { value: 'new' }, headers)).status, 200);
    await refused('after the new client has stored a secret');
    t.is((await submitWith(server, { A: 'a' }, headers)).status, 200);
    const refusals = server.logged.filter(({ event }) => event === 'token_refused');
    t.like(refusals[0], { actor: 'ci', reason: 'client removed' });
  });

  test(`${name}: a job of a removed client gets no secret of a new client of its id`, async (t) => {
    const server = await startServer(t, { settings: await choose(t) });
    await call(server, 'PUT', 'ci');
    t.is(
      (await putSecret(server, 'ci/a', { value: 'old' }, bearer(server, { client_id: 'ci' }))).status,
      200,
    );
    t.is((await submitWith(server, { A: 'a' }, bearer(server, { client_id: 'ci' }))).status, 200);
    await call(server, 'DELETE', 'ci');
    await call(server, 'PUT', 'ci');
    const headers = bearer(server, { client_id: 'ci' });
    t.is((await putSecret(server, 'ci/a', { value: 'new' }, headers)).status, 200);
    t.deepEqual(secretsOf(await claim(server)), { A: '' });
  });

  test(`${name}: a secret that is being stored while its client is removed does not stay`, async (t) => {
    const server = await startServer(t, { settings: await choose(t) });
    const { secretsStore: store } = server.deps;
    if (store === undefined) throw new Error('there is no store');
    const put = store.put.bind(store);
    for (const hasRecordAgain of [false, true]) {
      await call(server, 'PUT', 'ci');
      const old = bearer(server, { client_id: 'ci' });
      store.put = async (...given) => {
        store.put = put;
        await call(server, 'DELETE', 'ci');
        if (hasRecordAgain) await call(server, 'PUT', 'ci');
        await put(...given);
      };
      t.deepEqual(await putSecret(server, 'ci/a', { value: 'x' }, old), { status: 401, body: expired });
      t.deepEqual(await store.findReadable('ci', ['a'], new Date()), new Set());
    }
  });
}
