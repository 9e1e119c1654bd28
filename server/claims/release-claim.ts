import { fenceLease } from '../leases/fencing.js';
import type { JobServices } from '../job/services.js';
import { setTimeout as wait } from 'node:timers/promises';
import type { ObjectId } from 'mongodb';
import type { JobRecord } from '../job/job-record.js';
import { endLease } from '../leases/renew-lease.js';
import { filterAllowing, stateAfter } from '../job/job-state.js';

/** A claim taken back: the fields of the job then. */
const released = {
  'result_data.job_state': stateAfter('release'),
  started_at: '$$REMOVE',
  wake_at: '$$NOW',
  'lease.holder': '$$REMOVE',
  // Else a release that is tried again, since its answer was lost, would take the job from who claimed it since.
  'lease.claim_token': '$$REMOVE',
  ...endLease,
};

/**
 * Gives a claimed job back to its queue, with its place, when its agent never got the answer. Guarded by holder and
 * attempt: a job that went on in any way stays as it is.
 */
export async function releaseClaim(
  { collections }: Pick<JobServices, 'collections'>,
  { job_id, lease }: JobRecord,
): Promise<void> {
  if (lease?.holder === undefined) return;
  await collections.jobs.updateOne(
    {
      job_id,
      ...filterAllowing('release'),
      ...fenceLease(lease),
    } as object,
    [{ $set: released }],
  );
}

/** Milliseconds between tries, and how many there are. */
const retryMs = 1000;
const mostTries = 60;

/**
 * Gives back what a command took of whose outcome nobody could be told, as soon as MongoDB can be asked: else the jobs
 * would be in the hands of agents that do not know of them, until their leases end.
 */
export async function releaseUnconfirmed(
  { collections }: Pick<JobServices, 'collections'>,
  ids: readonly ObjectId[],
  token: ObjectId,
): Promise<void> {
  const theirs = { _id: { $in: ids }, ...filterAllowing('release'), 'lease.claim_token': token } as object;
  for (let tries = 0; tries < mostTries; tries += 1) {
    await wait(retryMs, undefined, { ref: false });
    try {
      await collections.jobs.updateMany(theirs, [{ $set: released }]);
      return;
    } catch {
      // Not yet.
    }
  }
}
