import { randomUUID } from 'node:crypto';
import { measure } from './load.js';
import { send } from './processes.js';
import type { Scenario } from './scenarios.js';
import { makeStoredJob, type Setting } from './setting.js';

const deep = 100_000;
const bareInsert = 'bare insertOne, 16 callers';
const bareRead = 'bare Koa, one read';
const kilobyte = 'x'.repeat(1023) + '\n';

/** One job that posts and reads are about; stored at its first use. */
const jobId = randomUUID();
let stored: Promise<unknown> | undefined;
function storeJob({ db }: Setting): Promise<unknown> {
  const job = { ...makeStoredJob('read'), job_id: jobId, lease: { holder: 'bench', attempt: 1 } };
  return (stored ??= db.collection('jobs').insertOne({ ...job, result_data: { job_state: 'test' } }));
}

/** The jobs of the deep claim queue, a thousandth of which have the tag that is searched for. */
let tagged: Promise<unknown> | undefined;
function tagJobs({ db }: Setting): Promise<unknown> {
  const jobs = Array.from({ length: deep / 1000 }, () => {
    const job = makeStoredJob('tagged');
    return { ...job, job_data: { ...(job.job_data as object), tags: ['bench'] } };
  });
  return (tagged ??= db.collection('jobs').insertMany(jobs));
}

type Request = (setting: Setting, n: number) => Promise<unknown>;

function scenario(name: string, against: readonly string[], request: Request, prepare = storeJob): Scenario {
  return {
    name,
    against,
    async run(setting, quick) {
      await prepare(setting);
      return measure({ callers: 16, seconds: quick ? 1 : 2 }, async (n) => void (await request(setting, n)));
    },
  };
}

const json = { 'content-type': 'application/json' };
let fragments = 0;

/** The other routes that agents and submitters use all the time; run after the deep claim queue is filled. */
export const contractScenarios: readonly Scenario[] = [
  scenario('log post of 1 KB', [bareInsert], ({ server, agent }) => {
    const fragment = {
      fragment_number: fragments++,
      timestamp: new Date(),
      phase: 'test',
      log_data: kilobyte,
    };
    return send(
      server,
      'POST',
      `/v1/result/${jobId}/log/output`,
      { ...agent, ...json },
      JSON.stringify(fragment),
    );
  }),
  scenario('result post', [bareInsert], ({ server, agent }) =>
    send(server, 'POST', `/v1/result/${randomUUID()}`, { ...agent, ...json }, '{"status":{"setup":0}}'),
  ),
  scenario('agent heartbeat', [bareInsert], ({ server, agent }, n) =>
    send(server, 'POST', `/v1/agents/data/agent-${n % 64}`, { ...agent, ...json }, '{"state":"waiting"}'),
  ),
  scenario('get job', [bareRead], ({ server, submitter }) =>
    send(server, 'GET', `/v1/job/${jobId}`, { authorization: submitter.authorization as string }),
  ),
  scenario(
    'search by tag among 100,000 jobs, 100 found',
    [bareRead],
    ({ server, submitter }) =>
      send(server, 'GET', '/v1/job/search?tags=bench', { authorization: submitter.authorization as string }),
    tagJobs,
  ),
  {
    name: 'position behind 100,000 waiting',
    against: [],
    async run(setting, quick) {
      const last = { ...makeStoredJob(`depth-${deep}`), job_id: randomUUID(), job_priority: -1 };
      await setting.db.collection('jobs').insertOne(last);
      const headers = { authorization: setting.submitter.authorization as string };
      return measure({ callers: 1, requests: quick ? 5 : 20 }, async () => {
        await send(setting.server, 'GET', `/v1/job/${last.job_id}/position`, headers);
      });
    },
  },
];
