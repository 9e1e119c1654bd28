import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { claimOrder, filterClaimable } from '../../server/jobs/claim-one.js';
import { type Load, type Measured, measure } from './load.js';
import { send, type Target } from './processes.js';
import { freshClients, makeStoredJob, type Setting } from './setting.js';

/** One thing that is measured, and the measurements of the same run that it is compared with. */
export interface Scenario {
  name: string;
  /** What the comparisons are: the route against the yardstick that does the least that it could. */
  against: readonly string[];
  run(setting: Setting, quick: boolean): Promise<Measured>;
}

const shallow = 100;
const deep = 100_000;

/** Seconds of one round. */
function timed(callers: number, quick: boolean): Load {
  return { callers, seconds: quick ? 1 : 2 };
}

function seedToken(server: Target, clientId: string, key: string): Promise<unknown> {
  return send(server, 'GET', `/v1/authenticate/token/${clientId}`, { 'client-key': key });
}

/** Jobs are topped up before each batch, so that the depth stays within a batch of what the row says. */
async function claims(
  setting: Setting,
  depth: number,
  quick: boolean,
  claim: (queue: string) => Promise<void>,
) {
  const queue = `depth-${depth}`;
  const jobs = setting.db.collection('jobs');
  const batch = quick ? 200 : 400;
  const waiting = await jobs.countDocuments({
    'result_data.job_state': 'waiting',
    'job_data.job_queue': queue,
  });
  for (let missing = depth + batch - waiting; missing > 0; missing -= 10_000) {
    await jobs.insertMany(Array.from({ length: Math.min(missing, 10_000) }, () => makeStoredJob(queue)));
  }
  return measure({ callers: 8, requests: batch }, () => claim(queue));
}

const bareClaim = (setting: Setting) => async (queue: string) => {
  await setting.db
    .collection('jobs')
    .findOneAndUpdate(
      filterClaimable({ queues: [queue], agent: 'bench' }) as object,
      { $set: { 'result_data.job_state': 'running' } },
      { sort: claimOrder },
    );
};
const routeClaim = (setting: Setting) => async (queue: string) => {
  const { status } = await send(setting.server, 'GET', `/v1/job?queue=${queue}`, setting.agent);
  if (status !== 200) throw new Error('no job was waiting');
};

/** A job as a script submits it. */
export const submitBody = JSON.stringify({
  job_queue: 'submits',
  job_priority: 5,
  test_data: { test_cmds: 'true' },
});

function bareInsert(callers: number): Scenario {
  return {
    name: `bare insertOne, ${callers} callers`,
    against: [],
    run: (setting, quick) =>
      measure(timed(callers, quick), async () => {
        await setting.db.collection('bare').insertOne(makeStoredJob('bare'));
      }),
  };
}

/** In the order in which one round runs them; a scenario stands after those that it is compared with. */
export const scenarios: readonly Scenario[] = [
  {
    name: 'bare Koa, one read',
    against: [],
    run: (setting, quick) =>
      measure(timed(16, quick), async () => {
        await send(setting.bareKoa, 'GET', '/');
      }),
  },
  {
    name: 'bare findOne',
    against: [],
    run: ({ db }, quick) =>
      measure(timed(16, quick), async () => {
        await db.collection('client_permissions').findOne({ client_id: 'bcrypt-0' });
      }),
  },
  {
    name: 'token, server-made key',
    against: ['bare Koa, one read', 'bare findOne'],
    run: (setting, quick) =>
      measure(timed(16, quick), async () => {
        await seedToken(setting.server, 'made-0', setting.madeKey);
      }),
  },
  {
    name: 'token, bcrypt key again',
    against: ['bare Koa, one read', 'bare findOne'],
    run: async (setting, quick) => {
      await seedToken(setting.server, 'bcrypt-0', setting.secret);
      return measure(timed(16, quick), async () => {
        await seedToken(setting.server, 'bcrypt-0', setting.secret);
      });
    },
  },
  {
    name: 'bcryptjs alone in worker threads',
    against: [],
    run: async ({ db, secret }, quick) => {
      const record = await db.collection('client_permissions').findOne({ client_id: 'bcrypt-0' });
      const pool = new Piscina({
        filename: new URL('../../dist/auth/bcrypt-worker.js', import.meta.url).href,
        maxThreads: Math.max(1, availableParallelism() - 1),
      });
      const task = { secret, hash: record?.client_secret_hash as string };
      await pool.run(task);
      const measured = await measure({ callers: 16, requests: quick ? 20 : freshClients }, async () => {
        await pool.run(task);
      });
      await pool.close();
      return measured;
    },
  },
  {
    name: 'token, bcrypt key first time',
    against: ['bcryptjs alone in worker threads'],
    run: async (setting, quick) => {
      const server = await setting.startFresh();
      const measured = await measure({ callers: 16, requests: quick ? 20 : freshClients }, async (n) => {
        await seedToken(server, `bcrypt-${n}`, setting.secret);
      });
      server.stop();
      return measured;
    },
  },
  bareInsert(1),
  {
    name: 'submit, 1 callers',
    against: ['bare insertOne, 1 callers'],
    run: (setting, quick) =>
      measure(timed(1, quick), async () => {
        await send(setting.server, 'POST', '/v1/job', setting.submitter, submitBody);
      }),
  },
  bareInsert(16),
  bareInsert(64),
  {
    name: `bare findOneAndUpdate, ${shallow} waiting`,
    against: [],
    run: (setting, quick) => claims(setting, shallow, quick, bareClaim(setting)),
  },
  {
    name: `claim, ${shallow} waiting`,
    against: [`bare findOneAndUpdate, ${shallow} waiting`],
    run: (setting, quick) => claims(setting, shallow, quick, routeClaim(setting)),
  },
  {
    name: `claim, ${deep.toLocaleString('en')} waiting`,
    against: [`bare findOneAndUpdate, ${shallow} waiting`, `claim, ${shallow} waiting`],
    run: (setting, quick) => claims(setting, deep, quick, routeClaim(setting)),
  },
];
