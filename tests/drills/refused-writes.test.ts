import test from 'ava';
import type { MongoClient } from 'mongodb';
import { openCollections } from '../../server/areas.js';
import { jsonBody } from '../support/clients.js';
import { Host } from '../support/drill.js';
import { MongodReplicaSet } from '../support/mongod-replica-set.js';
import { waitUntil, withClient } from '../support/own-mongod.js';
import { loginWith, People, passOf, signingKey } from '../support/people.js';
import { runQueuepass } from '../support/queuepass.js';
import { makeFragment } from '../support/results.js';

/** The commands that make a mongod refuse writes, and those that make it accept them again. */
interface Refusal {
  name: string;
  set: readonly object[];
  end: readonly object[];
  /** Writes are not refused but wait, and MongoDB executes them afterwards. */
  holds?: true;
}

const writes = ['insert', 'update', 'delete', 'findAndModify'];
const refusals: Refusal[] = [
  {
    name: 'has no space left on its disk (OutOfDiskSpace)',
    set: [
      {
        configureFailPoint: 'failCommand',
        mode: 'alwaysOn',
        data: { errorCode: 14031, failCommands: writes },
      },
    ],
    end: [{ configureFailPoint: 'failCommand', mode: 'off' }],
  },
  {
    name: 'is set to block writes (UserWritesBlocked)',
    set: [{ setUserWriteBlockMode: 1, global: true }],
    end: [{ setUserWriteBlockMode: 1, global: false }],
  },
  {
    name: 'keeps writes waiting (fsyncLock)',
    set: [{ fsync: 1, lock: true }],
    end: [{ fsyncUnlock: 1 }],
    holds: true,
  },
];

const unavailable = { message: 'The database is not available, try again', detail: {} };

test.serial(
  'while MongoDB refuses writes every kind of request gets 503, and nothing that was acknowledged is lost',
  async (t) => {
    const set = await MongodReplicaSet.start(t, 1, ['--setParameter', 'enableTestCommands=1']);
    const host = new Host(t, { MONGODB_URI: set.uriOf('jobs'), JWT_SIGNING_KEY: signingKey });
    const people = new People(t, await host.restart(0));
    const { stdout } = await runQueuepass(['admin', 'reset-key'], { environment: host.settings });
    const login = loginWith('testflinger-admin', stdout.trim());
    const { refresh_token } = JSON.parse(await people.must('/v1/oauth2/token', login)) as {
      refresh_token: string;
    };
    const held = await people.submit({ job_queue: 'held' });
    await people.claim('agent-1', 'held');
    const acknowledged = [held];
    let pieces = 0;
    let results = 0;

    const agent = passOf('agent-1', 'agent');
    const requests: Record<string, () => [path: string, init?: RequestInit]> = {
      submit: () => ['/v1/job', jsonBody({ job_queue: 'q1' }, passOf('ci', 'contributor'))],
      claim: () => ['/v1/job?queue=q1', { headers: passOf('agent-2', 'agent') }],
      // Another status each time: MongoDB accepts a write that changes nothing.
      result: () => [
        `/v1/result/${held}`,
        jsonBody({ status: { setup: results++ }, job_state: 'test' }, agent),
      ],
      log: () => {
        const piece = makeFragment({ fragment_number: pieces, log_data: `piece ${pieces}\n` });
        return [`/v1/result/${held}/log/output`, jsonBody(piece, agent)];
      },
      token: () => ['/v1/oauth2/token', login],
      refresh: () => ['/v1/oauth2/refresh', jsonBody({ refresh_token })],
      agent: () => ['/v1/agents/data/agent-1', jsonBody({ state: 'test' }, agent)],
      readyz: () => ['/readyz'],
    };
    /** The kinds of requests that can succeed without a write. */
    const mayRead = ['refresh'];
    const send = async (kind: string) => {
      const answer = await people.server.request(...(requests[kind] as () => [string, RequestInit?])());
      const body = answer.status === 204 ? '' : await answer.text();
      return { kind, status: answer.status, retryAfter: answer.headers.get('retry-after'), body };
    };
    const sendAll = () => Promise.all(Object.keys(requests).map(send));
    const onMongo = (commands: readonly object[]) =>
      withClient(set.uriOf('admin'), async (client: MongoClient) => {
        for (const command of commands) await client.db().command({ ...command });
      });
    const checkServes = async () => {
      for (const { kind, status, body } of await sendAll()) {
        t.true([200, 204].includes(status), `${kind}: ${status} ${body}`);
        if (kind === 'submit') acknowledged.push((JSON.parse(body) as { job_id: string }).job_id);
      }
      pieces += 1;
    };
    await checkServes();

    for (const { name, set: commands, end, holds } of refusals) {
      acknowledged.push(await people.submit());
      await onMongo(commands);
      const started = performance.now();
      for (const { kind, status, retryAfter, body } of await sendAll()) {
        if (mayRead.includes(kind) && status === 200) continue;
        t.deepEqual([name, kind, status, retryAfter], [name, kind, 503, '1'], body);
        const { request_id: _, ...error } = JSON.parse(body) as Record<string, unknown>;
        t.deepEqual(error, unavailable);
      }
      t.true(performance.now() - started < 12_000);
      await people.must('/livez');
      await people.must(`/v1/job/${held}`);
      await onMongo(end);
      await waitUntil(async () => (await people.server.request('/readyz')).status === 200);
      await checkServes();
      t.is(await people.stateOf(held), 'test');
      await withClient(set.uriOf('jobs'), async (client) => {
        const stored = (await openCollections(client.db()).jobs.distinct('job_id')) as string[];
        t.deepEqual(
          acknowledged.filter((jobId) => !stored.includes(jobId)),
          [],
          name,
        );
        if (!holds) t.is(stored.length, acknowledged.length, 'jobs whose submit got 503 are not stored');
      });
      const log = await people.must(`/v1/result/${held}/log/output`);
      const { log_data: text } = (JSON.parse(log) as { output: { test: { log_data: string } } }).output.test;
      t.is(text, Array.from({ length: pieces }, (_, n) => `piece ${n}\n`).join(''), 'each fragment once');
    }
    t.notRegex(people.server.stdout(), /"status":500/);
  },
);
