import { ObjectId } from 'mongodb';
import type { JobRecord } from '../db/collections.js';
import { startLease } from '../leases/renew-lease.js';
import type { WaitingJob } from './choose-jobs.js';
import type { ClaimDeps, Claimer } from './claim-one.js';
import { stateAfter } from './job-state.js';
import { releaseUntold } from './release-claim.js';

/**
 * Takes the chosen jobs by one command: each a write of its own, guarded by the state and the attempt that were seen,
 * under a claim token by which it is told afterwards which of them were ours.
 * @returns those that were taken, as they are stored then
 */
export async function takeJobs(
  { collections, clock, config }: ClaimDeps,
  chosen: ReadonlyMap<Claimer, WaitingJob>,
): Promise<Map<Claimer, WaitingJob>> {
  if (chosen.size === 0) return new Map();
  const token = new ObjectId();
  const startedAt = clock.now();
  const state = stateAfter('claim');
  const lease = startLease({ clock, config }, state);
  const writes = [...chosen].map(([{ agent }, job]) => ({
    updateOne: {
      filter: {
        _id: job._id,
        'result_data.job_state': 'waiting',
        created_at: job.created_at,
        'lease.attempt': job.lease?.attempt ?? null,
      } as object,
      update: [
        {
          $set: {
            'result_data.job_state': state,
            'lease.holder': { $literal: agent },
            'lease.attempt': nextAttempt(job),
            'lease.claim_token': token,
            ...lease,
            started_at: startedAt,
          },
        },
      ],
    },
  }));
  const jobs = [...chosen.values()];
  let isOurs: (job: WaitingJob) => boolean;
  try {
    const { modifiedCount } = await collections.jobs.bulkWrite(writes, { ordered: false });
    isOurs = modifiedCount === jobs.length ? () => true : await findTaken({ collections }, jobs, token);
  } catch (error) {
    const ids = jobs.map(({ _id }) => _id);
    void releaseUntold({ collections }, ids, token);
    throw error;
  }
  const taken = [...chosen].filter(([, job]) => isOurs(job));
  return new Map(
    taken.map(([claimer, job]) => [
      claimer,
      {
        ...job,
        result_data: { ...job.result_data, job_state: state },
        lease: { ...job.lease, holder: claimer.agent, attempt: nextAttempt(job) },
        started_at: startedAt,
      },
    ]),
  );
}

function nextAttempt({ lease }: JobRecord): number {
  return (lease?.attempt ?? 0) + 1;
}

async function findTaken(
  { collections }: Pick<ClaimDeps, 'collections'>,
  jobs: readonly WaitingJob[],
  token: ObjectId,
): Promise<(job: WaitingJob) => boolean> {
  const ids = jobs.map(({ _id }) => _id);
  const found = await collections.jobs
    .find({ _id: { $in: ids }, 'lease.claim_token': token } as object, { projection: { _id: 1 } })
    .toArray();
  const taken = new Set(found.map(({ _id }) => _id.toHexString()));
  return ({ _id }) => taken.has(_id.toHexString());
}
