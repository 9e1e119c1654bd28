import { type AnyBulkWriteOperation, type Document, ObjectId } from 'mongodb';
import { retryOnce } from '../db/batched-writes.js';
import { byId } from '../db/index-hint.js';
import type { JobRecord } from '../job/job-record.js';
import { stateAfter } from '../job/job-state.js';
import { startLease } from '../leases/renew-lease.js';
import type { ClaimDeps } from './claim-one.js';
import type { Claimer, WaitingJob } from './claimer.js';
import { releaseUnconfirmed } from './release-claim.js';

/** Maximum number of jobs of one statement, each of which is looked up in its lists. */
const maxInStatement = 200;

/**
 * Takes the chosen jobs with one command, under a claim token that shows afterwards which of them this process took. Each is
 * guarded by the state, the age and the attempt that were seen. The jobs share a statement, which looks up the values of
 * each job in lists: one statement per job costs MongoDB two and a half times as much.
 * @returns the jobs that were taken, as they are stored now
 */
export async function takeJobs(
  { collections, clock, config }: ClaimDeps,
  chosen: ReadonlyMap<Claimer, WaitingJob>,
): Promise<Map<Claimer, WaitingJob>> {
  if (chosen.size === 0) return new Map();
  const token = new ObjectId();
  const startedAt = clock.now();
  const state = stateAfter('claim');
  const taken = {
    'result_data.job_state': state,
    'lease.claim_token': token,
    ...startLease({ clock, config }, state),
    started_at: startedAt,
    phase_times: '$$REMOVE',
  };
  const pairs = [...chosen];
  const writes = Array.from({ length: Math.ceil(pairs.length / maxInStatement) }, (_, n) =>
    takeAll(pairs.slice(n * maxInStatement, (n + 1) * maxInStatement), taken),
  );
  const jobs = [...chosen.values()];
  const write = () => collections.jobs.bulkWrite(writes, { ordered: false });
  let isOurs: (job: WaitingJob) => boolean;
  try {
    const { modifiedCount } = await retryOnce(write);
    isOurs = modifiedCount === jobs.length ? () => true : await findTaken({ collections }, jobs, token);
  } catch (error) {
    const ids = jobs.map(({ _id }) => _id);
    void releaseUnconfirmed({ collections }, ids, token);
    throw error;
  }
  return new Map(
    pairs
      .filter(([, job]) => isOurs(job))
      .map(([claimer, job]) => [
        claimer,
        {
          ...job,
          result_data: { ...job.result_data, job_state: state },
          lease: {
            ...job.lease,
            holder: claimer.agent,
            ...(claimer.clientId !== undefined && { client_id: claimer.clientId }),
            attempt: readAttempt(job) + 1,
          },
          started_at: startedAt,
        },
      ]),
  );
}

/** One statement that takes each of the jobs for its agent. */
function takeAll(
  pairs: readonly (readonly [Claimer, WaitingJob])[],
  taken: Document,
): AnyBulkWriteOperation<JobRecord> {
  const ids = pairs.map(([, { _id }]) => _id);
  const ofThisJob = (values: readonly unknown[]) => ({
    $arrayElemAt: [{ $literal: values }, { $indexOfArray: [{ $literal: ids }, '$_id'] }],
  });
  const attempts = pairs.map(([, job]) => readAttempt(job));
  const isAsSeen = [
    { $eq: ['$created_at', ofThisJob(pairs.map(([, job]) => job.created_at))] },
    { $eq: [{ $ifNull: ['$lease.attempt', 0] }, ofThisJob(attempts)] },
  ];
  return {
    updateMany: {
      filter: {
        _id: { $in: ids },
        'result_data.job_state': 'waiting',
        $expr: { $and: isAsSeen },
      } as object,
      update: [
        {
          $set: {
            ...taken,
            'lease.holder': ofThisJob(pairs.map(([{ agent }]) => agent)),
            'lease.client_id': {
              $ifNull: [ofThisJob(pairs.map(([{ clientId }]) => clientId ?? null)), '$$REMOVE'],
            },
            'lease.attempt': ofThisJob(attempts.map((attempt) => attempt + 1)),
          },
        },
      ],
      ...byId,
    },
  };
}

function readAttempt({ lease }: JobRecord): number {
  return lease?.attempt ?? 0;
}

async function findTaken(
  { collections }: Pick<ClaimDeps, 'collections'>,
  jobs: readonly WaitingJob[],
  token: ObjectId,
): Promise<(job: WaitingJob) => boolean> {
  const ids = jobs.map(({ _id }) => _id);
  const found = await collections.jobs
    .find({ _id: { $in: ids }, 'lease.claim_token': token } as object, { projection: { _id: 1 }, ...byId })
    .toArray();
  const taken = new Set(found.map(({ _id }) => _id.toHexString()));
  return ({ _id }) => taken.has(_id.toHexString());
}
