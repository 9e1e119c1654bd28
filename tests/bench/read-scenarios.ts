import { randomUUID } from 'node:crypto';
import { nextFragment } from './batching-scenarios.js';
import { measure } from './load.js';
import { storeMaskedJob } from './masked-job.js';
import { send } from './processes.js';
import { json, type Scenario, timed } from './scenario.js';
import { makeStoredJob, type Setting } from './setting.js';

const deep = 100_000;
const bareRead = 'bare Koa, one read';

/** The jobs of the deep claim queue are a thousand times as many as have the tag that is searched for. */
let tagged: Promise<unknown> | undefined;
function tagJobs({ db }: Setting): Promise<unknown> {
  const jobs = Array.from({ length: deep / 1000 }, () => {
    const job = makeStoredJob('tagged');
    return { ...job, job_data: { ...(job.job_data as object), tags: ['bench'] } };
  });
  return (tagged ??= db.collection('jobs').insertMany(jobs));
}

/** The last job of the deep claim queue. */
let last: Promise<string> | undefined;
function storeLast({ db }: Setting): Promise<string> {
  const job = { ...makeStoredJob(`depth-${deep}`), job_id: randomUUID(), job_priority: -1 };
  return (last ??= db
    .collection('jobs')
    .insertOne(job)
    .then(() => job.job_id));
}

/** A job with so many secrets; stored at its first use. */
const masked = new Map<number, Promise<string>>();
function storeMasked(setting: Setting, secrets: number): Promise<string> {
  const job = masked.get(secrets) ?? storeMaskedJob(setting, secrets);
  masked.set(secrets, job);
  return job;
}

const logPostTo = (secrets: number): string =>
  `log post of 1 KB to one job, ${secrets === 0 ? 'no secrets' : `${secrets} secrets`}, 16 callers`;

function logPost(secrets: number): Scenario {
  return {
    name: logPostTo(secrets),
    against: secrets === 0 ? [] : [logPostTo(0)],
    async run(setting, quick) {
      const path = `/v1/result/${await storeMasked(setting, secrets)}/log/output`;
      const headers = { ...setting.agent, ...json };
      return measure(timed(16, quick), async () => {
        await send(setting.server, 'POST', path, headers, JSON.stringify(nextFragment()));
      });
    },
  };
}

/** One job that is held by nobody; stored at its first use. */
let read: Promise<string> | undefined;
function storeRead({ db }: Setting): Promise<string> {
  const job = { ...makeStoredJob('read'), job_id: randomUUID() };
  return (read ??= db
    .collection('jobs')
    .insertOne(job)
    .then(() => job.job_id));
}

const reader = ({ submitter }: Setting) => ({ authorization: submitter.authorization as string });

function position(callers: number): Scenario {
  return {
    name: `position behind 100,000 waiting, ${callers} ${callers === 1 ? 'caller' : 'callers'}`,
    against: callers === 1 ? [] : ['position behind 100,000 waiting, 1 caller'],
    async run(setting, quick) {
      const path = `/v1/job/${await storeLast(setting)}/position`;
      return measure({ callers, requests: (quick ? 3 : 10) * callers }, async () => {
        await send(setting.server, 'GET', path, reader(setting));
      });
    },
  };
}

/** What people and their scripts read, and the log of a job with secrets; run after the deep claim queue is filled. */
export const readScenarios: readonly Scenario[] = [
  logPost(0),
  logPost(10),
  {
    name: 'get job, 16 callers',
    against: [bareRead],
    async run(setting, quick) {
      const path = `/v1/job/${await storeRead(setting)}`;
      return measure(timed(16, quick), async () => {
        await send(setting.server, 'GET', path, reader(setting));
      });
    },
  },
  {
    name: 'search by tag among 100,000 jobs, 100 found, 16 callers',
    against: [bareRead],
    async run(setting, quick) {
      await tagJobs(setting);
      return measure(timed(16, quick), async () => {
        await send(setting.server, 'GET', '/v1/job/search?tags=bench', reader(setting));
      });
    },
  },
  position(1),
  position(16),
];
