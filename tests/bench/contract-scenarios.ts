import { randomUUID } from 'node:crypto';
import { measure } from './load.js';
import { storeMaskedJob } from './masked-job.js';
import { send } from './processes.js';
import type { Scenario } from './scenarios.js';
import { makeStoredJob, type Setting } from './setting.js';

const deep = 100_000;
const bareInsert = 'bare insertOne, 16 callers';
const bareRead = 'bare Koa, one read';

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

/** A line of a log as commands print them, up to 1 KB of them. */
const logText = '2026-01-01T00:00:00Z INFO step 17 of 42: fetching https://images.example/noble.img (ok)\n'
  .repeat(12)
  .slice(0, 1023)
  .concat('\n');

function postFragment({ server, agent }: Setting, job: string): Promise<unknown> {
  const fragment = {
    fragment_number: fragments++,
    timestamp: new Date(),
    phase: 'test',
    log_data: logText,
  };
  const headers = { ...agent, ...json };
  return send(server, 'POST', `/v1/result/${job}/log/output`, headers, JSON.stringify(fragment));
}

/** One job with ten secrets; stored at its first use. */
let masked: Promise<string> | undefined;
function storeMasked(setting: Setting): Promise<string> {
  return (masked ??= storeMaskedJob(setting, 10));
}

/** The other routes that agents and submitters use all the time; run after the deep claim queue is filled. */
export const contractScenarios: readonly Scenario[] = [
  scenario('log post of 1 KB', [bareInsert], (setting) => postFragment(setting, jobId)),
  scenario(
    'log post of 1 KB, a job with ten secrets',
    ['log post of 1 KB'],
    async (setting) => postFragment(setting, await storeMasked(setting)),
    storeMasked,
  ),
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
