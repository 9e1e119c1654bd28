import { setTimeout as wait } from 'node:timers/promises';
import type { ObjectId, WithId } from 'mongodb';
import { byId } from '../db/index-hint.js';
import type { JobRecord } from '../job/job-record.js';
import { filterAllowing, stateAfter } from '../job/job-state.js';
import type { JobServices } from '../job/services.js';
import { fenceLease } from '../leases/fencing.js';
import { endLease, noHolder } from '../leases/renew-lease.js';

/** The fields of a job whose claim is undone. */
const released = {
  'result_data.job_state': stateAfter('release'),
  started_at: '$$REMOVE',
  wake_at: '$$NOW',
  ...noHolder,
  // Otherwise a release that is sent again, since its response was lost, would take the job from its next holder.
  'lease.claim_token': '$$REMOVE',
  ...endLease,
};

/**
 * Returns a claimed job to its place in its queue when its holder never got the response. Fenced: a job that changed in any
 * way since the claim stays as it is.
 */
export async function releaseClaim(
  { collections }: Pick<JobServices, 'collections'>,
  { _id, lease }: WithId<JobRecord>,
): Promise<void> {
  if (lease?.holder === undefined) return;
  await collections.jobs.updateOne(
    {
      _id,
      ...filterAllowing('release'),
      ...fenceLease(lease),
    } as object,
    [{ $set: released }],
    byId,
  );
}

/** Milliseconds between tries, and their maximum number. */
const retryMs = 1000;
const maxTries = 60;

/**
 * Returns the jobs that a command took whose outcome is unknown, as soon as MongoDB answers again: otherwise agents would
 * hold jobs that they do not know of, until their leases end.
 */
export async function releaseUnconfirmed(
  { collections }: Pick<JobServices, 'collections'>,
  ids: readonly ObjectId[],
  token: ObjectId,
): Promise<void> {
  const theirs = { _id: { $in: ids }, ...filterAllowing('release'), 'lease.claim_token': token } as object;
  for (let tries = 0; tries < maxTries; tries += 1) {
    await wait(retryMs, undefined, { ref: false });
    try {
      await collections.jobs.updateMany(theirs, [{ $set: released }], byId);
      return;
    } catch {
      // MongoDB does not answer yet.
    }
  }
}
