import { claimOrder, filterClaimable } from '../../server/jobs/claim-one.js';
import { type Load, type Measured, measure } from './load.js';
import { send, type Target } from './processes.js';
import { type Scenario, timed } from './scenario.js';
import { makeStoredJob, type Setting } from './setting.js';

/** Of every claim, since one that asks while it holds a job has a lease to be cut. */
let agents = 0;
const newAgent = ({ agent }: Setting) => ({ ...agent, cookie: `agent_name=claimer-${agents++}` });

/** Jobs are topped up before each batch, so that the depth stays within a batch of what the row says. */
async function claims(
  { db }: Setting,
  depth: number,
  load: Required<Pick<Load, 'callers' | 'requests'>>,
  claim: (queue: string, n: number) => Promise<void>,
): Promise<Measured> {
  const queue = `depth-${depth}`;
  const jobs = db.collection('jobs');
  const waiting = await jobs.countDocuments({
    'result_data.job_state': 'waiting',
    'job_data.job_queue': queue,
  });
  for (let missing = depth + load.requests - waiting; missing > 0; missing -= 10_000) {
    await jobs.insertMany(Array.from({ length: Math.min(missing, 10_000) }, () => makeStoredJob(queue)));
  }
  return measure(load, (n) => claim(queue, n));
}

const loadOf = (callers: number, quick: boolean) => ({
  callers,
  requests: (quick ? 100 : 400) * (callers > 8 ? 4 : 1),
});

function bareClaim(callers: number): Scenario {
  return {
    name: `bare findOneAndUpdate, ${callers} callers`,
    against: [],
    run: (setting, quick) =>
      claims(setting, 100, loadOf(callers, quick), async (queue) => {
        await setting.db
          .collection('jobs')
          .findOneAndUpdate(
            filterClaimable({ queues: [queue], agent: 'bench' }) as object,
            { $set: { 'result_data.job_state': 'running' } },
            { sort: claimOrder },
          );
      }),
  };
}

async function takeJob(setting: Setting, server: Target, queue: string): Promise<void> {
  const { status } = await send(server, 'GET', `/v1/job?queue=${queue}`, newAgent(setting));
  if (status !== 200) throw new Error('no job was waiting');
}

/** The name of the row of so many callers and waiting jobs. */
export const claimRow = (callers: number, depth: number): string =>
  `claim, ${callers} callers, ${depth.toLocaleString('en')} waiting`;

function claim(callers: number, depth: number, isDeep = false): Scenario {
  return {
    name: claimRow(callers, depth),
    against: [`bare findOneAndUpdate, ${callers} callers`, ...(depth > 100 ? [claimRow(callers, 100)] : [])],
    isDeep,
    run: (setting, quick) =>
      claims(setting, depth, loadOf(callers, quick), (queue) => takeJob(setting, setting.server, queue)),
  };
}

/** Claims of 64 callers from one queue, from several servers in turn. */
export function claimsFrom(setting: Setting, quick: boolean, servers: readonly Target[]): Promise<Measured> {
  return claims(setting, 100, loadOf(64, quick), (queue, n) =>
    takeJob(setting, servers[n % servers.length] as Target, queue),
  );
}

/** Claims one by one and many at a time, from queues of every depth, and polls that find nothing. */
export const claimScenarios: readonly Scenario[] = [
  bareClaim(8),
  bareClaim(64),
  claim(8, 100),
  claim(8, 1000),
  claim(8, 10_000),
  claim(8, 100_000),
  claim(8, 1_000_000, true),
  claim(64, 100),
  claim(64, 100_000),
  {
    name: 'claim, 64 callers, from two servers',
    against: [claimRow(64, 100)],
    run: (setting, quick) => claimsFrom(setting, quick, [setting.server, setting.secondServer]),
  },
  {
    name: 'empty poll, 64 callers',
    against: ['bare findOne, 64 callers'],
    run: (setting, quick) =>
      measure(timed(64, quick), async (n) => {
        await send(setting.server, 'GET', '/v1/job?queue=nothing', {
          ...setting.agent,
          cookie: `agent_name=poller-${n % 500}`,
        });
      }),
  },
];
