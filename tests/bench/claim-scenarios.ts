import { claimOrder, filterClaimable } from '../../server/claims/claim-one.js';
import { type Load, type Measured, measure } from './load.js';
import { send, type Target } from './processes.js';
import { type Scenario, timed } from './scenario.js';
import { makeStoredJob, type Setting } from './setting.js';

/** Of every claim, since one that asks while it holds a job has a lease to be cut. */
let agents = 0;
const newAgent = ({ agent }: Setting) => ({ ...agent, cookie: `agent_name=claimer-${agents++}` });

/** Brings a queue to so many waiting jobs that anybody may have. */
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

/** Jobs are topped up before each batch, so that the depth stays within a batch of what the row says; the first batch is not measured. */
async function claims(
  setting: Setting,
  depth: number,
  load: Required<Pick<Load, 'callers' | 'requests'>>,
  claim: (queue: string, n: number) => Promise<void>,
): Promise<Measured> {
  const queue = `depth-${depth}`;
  // A lab has no more leases than agents; what earlier rows took would be looked through again and again.
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

/** Who claims past other jobs; it holds what it took before, so that each of its claims cuts a lease first. */
const excludedAgent = 'excluded';

/** Above that of all other jobs. */
const aheadPriority = 1000;

/** Claims past so many jobs of a higher priority that the claimer cannot have. */
function claimPast(what: string, count: number, fields: (job: Record<string, unknown>) => object): Scenario {
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
        const headers = { ...setting.agent, cookie: `agent_name=${excludedAgent}` };
        const { status } = await send(setting.server, 'GET', `/v1/job?queue=${queue}`, headers);
        if (status !== 200) throw new Error('no job was waiting');
      });
    },
  };
}

const withData = (job: Record<string, unknown>, data: object) => ({
  job_data: { ...(job.job_data as object), ...data },
});

/** Claims of 64 callers from one queue, from several servers in turn. */
export function claimsFrom(setting: Setting, quick: boolean, servers: readonly Target[]): Promise<Measured> {
  return claims(setting, 100, loadOf(64, quick), (queue, n) =>
    takeJob(setting, servers[n % servers.length] as Target, queue),
  );
}

/** The row of polls that find nothing. */
export const emptyPollRow = 'empty poll, 64 callers';

/** The n-th poll of a queue in which there is nothing, by one of 500 agents. */
export function pollInVain({ agent }: Setting, server: Target, n: number): Promise<unknown> {
  return send(server, 'GET', '/v1/job?queue=nothing', { ...agent, cookie: `agent_name=poller-${n % 500}` });
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
  claimPast('that await attachments', 10_000, (job) => withData(job, { attachments_status: 'waiting' })),
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
      measure(timed(64, quick), async (n) => void (await pollInVain(setting, setting.server, n))),
  },
];
