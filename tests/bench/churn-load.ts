import { setTimeout as wait } from 'node:timers/promises';
import { type Db, ObjectId } from 'mongodb';
import { readSeconds } from './processor-time.js';
import { makeStoredJob } from './setting.js';

const takenBatch = 1000;
const insertBatch = 10_000;
const maxBlock = 100_000;
const leaseMs = 900_000;

/**
 * Stores jobs in the queue and takes them as the server's claims leave them: running, each with a lease of its own. Writes
 * many at once, so that the next measurement begins right after the last one was taken.
 */
export async function takeJobs(db: Db, queue: string, count: number): Promise<void> {
  const jobs = db.collection('jobs');
  for (let left = count; left > 0; left -= takenBatch) {
    await jobs.insertMany(Array.from({ length: Math.min(left, takenBatch) }, () => makeStoredJob(queue)));
    const lease = {
      holder: { $concat: ['taken-', '$job_id'] },
      client_id: 'agent',
      attempt: 1,
      claim_token: new ObjectId(),
      until: new Date(Date.now() + leaseMs),
    };
    const waiting = { 'result_data.job_state': 'waiting', 'job_data.job_queue': queue };
    await jobs.updateMany(waiting, [
      { $set: { 'result_data.job_state': 'running', lease, started_at: '$$NOW' } },
    ]);
  }
}

/**
 * Stores and deletes jobs of two other queues, of which one sorts before every measured queue and one behind it. Many jobs
 * are stored before they are deleted, because MongoDB soon removes the index entries of a small number.
 */
export async function deleteJobs(db: Db, count: number): Promise<void> {
  const jobs = db.collection('jobs');
  const block = Math.min(maxBlock, Math.ceil(count / 2));
  for (let left = count, n = 0; left > 0; left -= block, n += 1) {
    const queue = n % 2 === 0 ? 'a-others' : 'z-others';
    for (let missing = Math.min(left, block); missing > 0; missing -= insertBatch) {
      await jobs.insertMany(
        Array.from({ length: Math.min(missing, insertBatch) }, () => makeStoredJob(queue)),
      );
    }
    await jobs.deleteMany({ 'result_data.job_state': 'waiting', 'job_data.job_queue': queue });
  }
}

/**
 * Resolves when the server has read the events of these writes from its change stream, so that the rows that follow do not
 * measure that. Returns the seconds that it took.
 */
export async function waitForEvents(serverPid: number): Promise<number> {
  const began = performance.now();
  const until = began + 120_000;
  for (let before = readSeconds(serverPid); performance.now() < until; ) {
    await wait(200);
    const now = readSeconds(serverPid);
    if (now - before <= 0.04) break;
    before = now;
  }
  return (performance.now() - began) / 1000;
}
