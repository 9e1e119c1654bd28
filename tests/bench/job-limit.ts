import type { Db } from 'mongodb';
import { LimitJob } from './limit-job.js';
import { type Measured, measure } from './load.js';

const weekSeconds = 604_800;

/** The collections of the limit, with only the indexes that find and remove their documents. */
const indexes: Record<string, Parameters<ReturnType<Db['collection']>['createIndexes']>[0]> = {
  jobs: [
    { key: { job_id: 1 }, unique: true },
    {
      key: {
        'result_data.job_state': 1,
        'job_data.job_queue': 1,
        job_priority: -1,
        created_at: 1,
        _id: 1,
      },
    },
    { key: { created_at: 1 }, expireAfterSeconds: weekSeconds },
  ],
  logs: [
    { key: { job_id: 1, log_type: 1, phase: 1, fragment_number: 1 }, unique: true },
    { key: { updated_at: 1 }, expireAfterSeconds: weekSeconds },
  ],
  agents: [{ key: { name: 1 }, unique: true }],
  provision_logs: [{ key: { name: 1 }, unique: true }],
  'fs.files': [
    { key: { filename: 1, uploadDate: 1 } },
    { key: { uploadDate: 1 }, expireAfterSeconds: weekSeconds },
  ],
  'fs.chunks': [
    { key: { files_id: 1, n: 1 }, unique: true },
    { key: { uploadDate: 1 }, expireAfterSeconds: weekSeconds },
  ],
};

let made: Promise<Db> | undefined;

/** A database of its own, which no server watches, so that mongod works for nothing but these commands. */
function openLimit(db: Db): Promise<Db> {
  made ??= (async () => {
    const limit = db.client.db(`${db.databaseName}_limit`);
    const create = Object.entries(indexes).map(([name, rows]) => limit.collection(name).createIndexes(rows));
    await Promise.all(create);
    return limit;
  })();
  return made;
}

/** Jobs a second of the bare driver, with as many jobs at once as `measureWholeJobs` has agents. */
export async function measureJobLimit(db: Db, jobsAtOnce: number, jobsEach: number): Promise<Measured> {
  const limit = await openLimit(db);
  const load = { callers: jobsAtOnce, requests: jobsAtOnce * jobsEach };
  let commands = 0;
  const measured = await measure(load, async (n, caller) => {
    const job = new LimitJob(limit, `rack-${Math.floor(caller / 2)}`, `stock-${caller}`);
    await job.run(n % 2 === 0);
    commands += job.commands;
  });
  return { ...measured, requestsEach: commands / load.requests };
}
