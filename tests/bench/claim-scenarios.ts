import { claimOrder, filterClaimable } from '../../server/claims/claim-one.js';
import { type Load, type Measured, measure } from './load.js';
import { send, type Target } from './processes.js';
import { type Scenario, timed } from './scenario.js';
import { makeStoredJob, type Setting } from './setting.js';

/** Each claim is by a new agent, since a claim by an agent that holds a job also cuts a lease. */
let agents = 0;
const newAgent = ({ agent }: Setting) => ({ ...agent, cookie: `agent_name=claimer-${agents++}` });

/** Adds jobs to a queue until `wanted` jobs wait that every agent can claim. */
async function topUp({ db }: Setting, queue: string, wanted: number): Promise<void> {
  const jobs = db.collection('jobs');
  const claimable = {
    'result_data.job_state': 'waiting',
    'job_data.job_queue': queue,
    job_priority: { $lt: aheadPriority },
  };
  for (let missing = wanted - (await jobs.countDocuments(claimable)); missing > 0; missing -= 10_000) {
    await jobs.insertMany(Array.from({ length: Math.min(missing, 10_000) }, () => makeStoredJob(queue)));
  }
}

/**
 * Measures claims from a queue. Adds jobs before each batch, so that the depth differs from `depth` by at most one batch.
 * The first batch is not measured.
 */
async function claims(
  setting: Setting,
  depth: number,
  load: Required<Pick<Load, 'callers' | 'requests'>>,
  claim: (queue: string, n: number) => Promise<void>,
): Promise<Measured> {
  const queue = `depth-${depth}`;
  // A lab has no more leases than agents. The leases of earlier rows would slow down every search for expired ones.
  await setting.db
    .collection('jobs')
    .deleteMany({ 'lease.holder': /^claimer-/, 'lease.until': { $exists: true } });
  await topUp(setting, queue, depth + load.requests);
  await measure(load, (n) => claim(queue, n));
  await topUp(setting, queue, depth + load.requests);
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

async function claimJob(setting: Setting, server: Target, queue: string): Promise<void> {
  const { status } = await send(server, 'GET', `/v1/job?queue=${queue}`, newAgent(setting));
  if (status !== 200) throw new Error('no job was waiting');
}

/** The name of the row for a number of callers and waiting jobs. */
export const claimRow = (callers: number, depth: number): string =>
  `claim, ${callers} callers, ${depth.toLocaleString('en')} waiting`;

function claim(callers: number, depth: number, isDeep = false): Scenario {
  return {
    name: claimRow(callers, depth),
    against: [`bare findOneAndUpdate, ${callers} callers`, ...(depth > 100 ? [claimRow(callers, 100)] : [])],
    isDeep,
    run: (setting, quick) =>
      claims(setting, depth, loadOf(callers, quick), (queue) => claimJob(setting, setting.server, queue)),
  };
}

/** The name of the row for claims behind jobs whose attachments were not sent yet. */
export const awaitingRow = 'claim, 8 callers, past 10,000 that await attachments';

/** The agent that claims behind jobs that it cannot claim. It holds earlier jobs, so each claim cuts a lease first. */
const excludedAgent = 'excluded';

/** A priority above that of all other jobs. */
const aheadPriority = 1000;

const asExcludedAgent = ({ agent }: Setting) => ({ ...agent, cookie: `agent_name=${excludedAgent}` });

/**
 * Claims from a queue in which `count` jobs of a higher priority cannot be claimed.
 * @param claimer the headers of the agent of the next claim
 */
function claimPast(
  what: string,
  count: number,
  fields: (job: Record<string, unknown>) => object,
  claimer = asExcludedAgent,
): Scenario {
  const queue = `past-${what}`.replaceAll(' ', '-');
  let stored: Promise<unknown> | undefined;
  return {
    name: `claim, 8 callers, past ${count.toLocaleString('en')} ${what}`,
    against: [claimRow(8, 100)],
    async run(setting, quick) {
      const ahead = Array.from({ length: count }, () => {
        const job = makeStoredJob(queue);
        return { ...job, job_priority: aheadPriority, ...fields(job) };
      });
      await (stored ??= setting.db.collection('jobs').insertMany(ahead));
      const load = loadOf(8, quick);
      await topUp(setting, queue, 100 + load.requests);
      return measure(load, async () => {
        const { status } = await send(setting.server, 'GET', `/v1/job?queue=${queue}`, claimer(setting));
        if (status !== 200) throw new Error('no job was waiting');
      });
    },
  };
}

const withData = (job: Record<string, unknown>, data: object) => ({
  job_data: { ...(job.job_data as object), ...data },
});

/** Claims of 64 callers from one queue, through several servers in turn. */
export function claimsFrom(setting: Setting, quick: boolean, servers: readonly Target[]): Promise<Measured> {
  return claims(setting, 100, loadOf(64, quick), (queue, n) =>
    claimJob(setting, servers[n % servers.length] as Target, queue),
  );
}

/** The name of the row for polls that find no job. */
export const emptyPollRow = 'empty poll, 64 callers';

/** Sends the n-th poll of an empty queue, by one of 500 agents. */
export function pollEmptyQueue({ agent }: Setting, server: Target, n: number): Promise<unknown> {
  return send(server, 'GET', '/v1/job?queue=nothing', { ...agent, cookie: `agent_name=poller-${n % 500}` });
}

/** Claims with few and many callers from queues of every depth, and polls that find no job. */
export const claimScenarios: readonly Scenario[] = [
  bareClaim(8),
  bareClaim(64),
  claim(8, 100),
  claim(8, 1000),
  claim(8, 10_000),
  claim(8, 100_000),
  claim(8, 1_000_000, true),
  claimPast(
    'that await attachments',
    10_000,
    (job) => withData(job, { attachments_status: 'waiting' }),
    newAgent,
  ),
  claimPast('that exclude the agent', 1000, (job) => withData(job, { exclude_agents: [excludedAgent] })),
  claimPast('just taken', 50_000, () => ({ result_data: { job_state: 'running' } })),
  {
    name: 'claim, 8 callers, of 200 queues each',
    against: [claimRow(8, 100)],
    async run(setting, quick) {
      const queues = Array.from({ length: 200 }, (_, n) => `many-${n}`);
      const load = loadOf(8, quick);
      for (const queue of queues) await topUp(setting, queue, 5);
      const path = `/v1/job?${queues.map((queue) => `queue=${queue}`).join('&')}`;
      return measure(load, async () => {
        const { status } = await send(setting.server, 'GET', path, newAgent(setting));
        if (status !== 200) throw new Error('no job was waiting');
      });
    },
  },
  claim(64, 100),
  claim(64, 100_000),
  {
    name: 'claim, 64 callers, from two servers',
    against: [claimRow(64, 100)],
    run: (setting, quick) => claimsFrom(setting, quick, [setting.server, setting.secondServer]),
  },
  {
    name: emptyPollRow,
    against: ['bare findOne, 64 callers'],
    run: (setting, quick) =>
      measure(timed(64, quick), async (n) => void (await pollEmptyQueue(setting, setting.server, n))),
  },
];
