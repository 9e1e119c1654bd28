import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openCollections } from '../../server/areas.js';
import { jsonBody } from '../support/clients.js';
import { Host } from '../support/drill.js';
import { MongodReplicaSet } from '../support/mongod-replica-set.js';
import { Operator } from '../support/operator.js';
import { makeFolder, waitUntil, withClient } from '../support/own-mongod.js';
import { signingKey } from '../support/people.js';
import { makeMasterKey } from '../support/secrets.js';
import type { ServerProcess } from '../support/server-process.js';

const createUser = `umask 077
   openssl rand -hex 24 > mongodb-password
   PASSWORD=$(cat mongodb-password) mongosh "$ADMIN_URI" --eval 'db.getSiblingDB("admin").createUser({
     user: "queuepass-b", pwd: process.env.PASSWORD, roles: [
       { role: "readWrite", db: "testflinger_db" }, { role: "readWrite", db: "encryption" }] })'`;
const changeUri = `cp mongodb-uri mongodb-uri.old
   sed "s|^mongodb://[^@]*@|mongodb://queuepass-b:$(cat mongodb-password)@|" mongodb-uri.old > mongodb-uri`;
const dropUser = `mongosh "$ADMIN_URI" --eval 'db.getSiblingDB("admin").dropUser("queuepass-a")'
   rm -f mongodb-uri.old mongodb-password`;

const roles = ['testflinger_db', 'encryption'].map((db) => ({ role: 'readWrite', db }));

/** Starts a MongoDB with authentication, and makes a host of servers that log in as `queuepass-a`. */
async function startHost(t: ExecutionContext) {
  const keyFile = join(makeFolder(), 'key');
  writeFileSync(keyFile, 'between members of a set', { mode: 0o600 });
  const set = await MongodReplicaSet.start(t, 1, ['--keyFile', keyFile]);
  // MongoDB allows the first user to be created without authentication.
  const root = { createUser: 'root', pwd: 'of-root', roles: ['root'] };
  await withClient(set.uri, (client) => client.db('admin').command(root));
  const adminUri = set.uriOf('admin', 'root:of-root');
  const asRoot = (command: Record<string, unknown>) =>
    withClient(adminUri, (client) => client.db('admin').command(command));
  const createFirst = () => asRoot({ createUser: 'queuepass-a', pwd: 'of-a', roles });
  await createFirst();
  const host = new Host(t, {
    MONGODB_URI_FILE: 'mongodb-uri',
    JWT_SIGNING_KEY: signingKey,
    TESTFLINGER_SECRETS_MASTER_KEY: makeMasterKey(),
  });
  host.write('mongodb-uri', set.uriOf('testflinger_db', 'queuepass-a:of-a'));
  const operator = new Operator('rotate-keys.md', host.folder, { ADMIN_URI: adminUri });
  return { host, operator, adminUri, asRoot, createFirst };
}

/**
 * Submitters that repeat each job until `server` acknowledges it. Records the acknowledged jobs and the wrong
 * responses.
 */
class Submitters {
  readonly acknowledged: string[] = [];
  readonly wrong: string[] = [];
  #ended = false;
  readonly #running: Promise<void[]>;

  constructor(public server: ServerProcess) {
    this.#running = Promise.all(Array.from({ length: 4 }, () => this.#submit()));
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#running;
  }

  async untilMore(): Promise<void> {
    const before = this.acknowledged.length;
    await waitUntil(() => this.acknowledged.length > before + 20);
  }

  async #submit(): Promise<void> {
    for (let key = randomUUID(); !this.#ended; ) {
      const { server } = this;
      const job = jsonBody({ job_queue: 'q1' }, { 'idempotency-key': key });
      const answer = await server.request('/v1/job', job).catch(() => undefined);
      const text = await answer?.text();
      if (answer?.status === 200) {
        this.acknowledged.push((JSON.parse(text as string) as { job_id: string }).job_id);
        key = randomUUID();
      } else if (answer !== undefined || server === this.server) {
        this.wrong.push(`${answer?.status}: ${text}`);
      }
    }
  }
}

test('the MongoDB user is replaced under traffic: no request fails, and no job is lost', async (t) => {
  const { host, operator, adminUri } = await startHost(t);
  const submitters = new Submitters(await host.restart(0));
  t.teardown(() => submitters.end());
  await submitters.untilMore();
  await operator.run(createUser);
  await operator.run(changeUri);
  submitters.server = await host.restart(1);
  await submitters.untilMore();
  await host.stop(0);
  await operator.run(dropUser);
  await submitters.untilMore();
  t.is((await host.server(1).request('/readyz')).status, 200);
  await submitters.end();
  t.deepEqual(submitters.wrong, []);

  await withClient(adminUri, async (client) => {
    const stored = await openCollections(client.db('testflinger_db')).jobs.distinct('job_id');
    t.deepEqual([...submitters.acknowledged].sort(), [...stored].sort(), 'each job is stored once');
    const { users } = (await client.db('admin').command({ usersInfo: 1 })) as unknown as {
      users: { user: string }[];
    };
    t.deepEqual(users.map(({ user }) => user).sort(), ['queuepass-b', 'root']);
  });
});

const away = [503, '1', { message: 'The database is not available, try again', detail: {} }];

test('a server whose MongoDB user is dropped returns 503 until the user exists again and the server is restarted, and does not start with an old password', async (t) => {
  const { host, asRoot, createFirst } = await startHost(t);
  let server = await host.restart(0);
  const submit = async () => {
    const answer = await server.request('/v1/job', jsonBody({ job_queue: 'q1' }));
    return [answer.status, answer.headers.get('retry-after'), await answer.json()] as const;
  };
  const { job_id: jobId } = (await submit())[2] as { job_id: string };
  const seen: unknown[] = [];
  const until = (status: number) =>
    waitUntil(async () => {
      const answer = await submit();
      if (answer[0] !== 200) seen.push(answer);
      return answer[0] === status;
    });
  await asRoot({ dropUser: 'queuepass-a' });
  await until(503);
  t.deepEqual(
    [(await server.request('/livez')).status, (await server.request('/readyz')).status],
    [200, 503],
  );
  t.is((await server.request(`/v1/job/${jobId}`)).status, 503);
  t.regex(server.stdout(), /Authentication failed|requires authentication|not authorized/);
  await createFirst();
  // The connections of the server belonged to the dropped user.
  server = await host.restart(0);
  await until(200);
  t.is((await server.request(`/v1/job/${jobId}`)).status, 200);

  await asRoot({ updateUser: 'queuepass-a', pwd: 'another' });
  await host.stop(0);
  const late = host.restart(0);
  await t.throwsAsync(late, { message: /MongoDB refuses the user name or password/ });
  t.true(seen.length > 0);
  for (const answer of seen) t.deepEqual(answer, away);
});
