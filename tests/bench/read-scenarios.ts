import { randomBytes, randomUUID } from 'node:crypto';
import type { Session } from '../../server/sessions/collections.js';
import { digestSessionId } from '../../server/sessions/find-live-session.js';
import { nextFragment } from './batching-scenarios.js';
import { measure } from './load.js';
import { storeMaskedJob } from './masked-job.js';
import { send } from './processes.js';
import { json, type Scenario, timed } from './scenario.js';
import { makeStoredJob, type Setting } from './setting.js';
import { bareKoaRow } from './yardsticks.js';

const deep = 100_000;
const bareRead = bareKoaRow(16);

/** Stores the jobs with the tag to search for, one for every thousand jobs in the deep claim queue. */
let tagged: Promise<unknown> | undefined;
function tagJobs({ db }: Setting): Promise<unknown> {
  const jobs = Array.from({ length: deep / 1000 }, () => {
    const job = makeStoredJob('tagged');
    return { ...job, job_data: { ...(job.job_data as object), tags: ['bench'] } };
  });
  return (tagged ??= db.collection('jobs').insertMany(jobs));
}

/** Stores the last job of the deep claim queue. */
let last: Promise<string> | undefined;
function storeLast({ db }: Setting): Promise<string> {
  const job = { ...makeStoredJob(`depth-${deep}`), job_id: randomUUID(), job_priority: -1 };
  return (last ??= db
    .collection('jobs')
    .insertOne(job)
    .then(() => job.job_id));
}

/** Stores jobs with `secrets` secrets, one for each caller, at their first use. */
const masked = new Map<number, Promise<string[]>>();
function storeMasked(setting: Setting, secrets: number): Promise<string[]> {
  const jobs =
    masked.get(secrets) ?? Promise.all(Array.from({ length: 16 }, () => storeMaskedJob(setting, secrets)));
  masked.set(secrets, jobs);
  return jobs;
}

const logPostOf = (secrets: number): string =>
  `log post of 1 KB, a job each ${secrets === 0 ? 'without secrets' : `with ${secrets} secrets`}, 16 callers`;

/** Each caller posts the log fragments of its job one after the other, like an agent. */
function logPost(secrets: number): Scenario {
  const numbers = new Map<string, number>();
  return {
    name: logPostOf(secrets),
    against: secrets === 0 ? [] : [logPostOf(0)],
    async run(setting, quick) {
      const jobs = await storeMasked(setting, secrets);
      const headers = { ...setting.agent, ...json };
      return measure(timed(16, quick), async (_, caller) => {
        const job = jobs[caller] as string;
        const fragment_number = numbers.get(job) ?? 0;
        numbers.set(job, fragment_number + 1);
        const body = JSON.stringify({ ...nextFragment(), fragment_number });
        await send(setting.server, 'POST', `/v1/result/${job}/log/output`, headers, body);
      });
    },
  };
}

/** Stores one job without a holder, at its first use. */
let read: Promise<string> | undefined;
function storeRead({ db }: Setting): Promise<string> {
  const job = { ...makeStoredJob('read'), job_id: randomUUID() };
  return (read ??= db
    .collection('jobs')
    .insertOne(job)
    .then(() => job.job_id));
}

const getJobRow = 'get job, 16 callers';

/** Stores a session for each caller, at their first use, and returns the session ids. */
let signedIn: Promise<string[]> | undefined;
function signIn({ db }: Setting): Promise<string[]> {
  const ids = Array.from({ length: 16 }, () => randomBytes(32).toString('base64url'));
  const now = new Date();
  const sessions = ids.map((id, n) => ({
    _id: digestSessionId(id),
    handle: `bench-${n}`,
    client_id: `bcrypt-${n % 4}`,
    method: 'local',
    created_at: now,
    last_seen_at: now,
    expires_at: new Date(now.getTime() + 24 * 3600_000),
    source: '127.0.0.1',
  }));
  return (signedIn ??= db
    .collection<Session>('sessions')
    .insertMany(sessions as Session[])
    .then(() => ids));
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

/** Reads of people and scripts, and log posts of jobs with secrets. They run after the deep claim queue is filled. */
export const readScenarios: readonly Scenario[] = [
  logPost(0),
  logPost(10),
  {
    name: getJobRow,
    against: [bareRead],
    async run(setting, quick) {
      const path = `/v1/job/${await storeRead(setting)}`;
      return measure(timed(16, quick), async () => {
        await send(setting.server, 'GET', path, reader(setting));
      });
    },
  },
  {
    name: 'get job with a session, 16 callers',
    against: [getJobRow],
    async run(setting, quick) {
      const path = `/v1/job/${await storeRead(setting)}`;
      const ids = await signIn(setting);
      return measure(timed(16, quick), async (_, caller) => {
        await send(setting.server, 'GET', path, { cookie: `__Host-queuepass_session=${ids[caller]}` });
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
