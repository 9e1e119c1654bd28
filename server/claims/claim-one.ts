import type { Filter, Sort } from 'mongodb';
import type { Core } from '../core/core.js';
import type { JobRecord } from '../job/job-record.js';
import { stateAfter } from '../job/job-state.js';
import type { JobServices } from '../job/services.js';
import { setHolder, startLease } from '../leases/renew-lease.js';
import type { LeaseServices } from '../leases/services.js';
import type { Claimer, WaitingJob } from './claimer.js';
import { awaitsNothing } from './collections.js';
import type { ClaimServices } from './services.js';

/** What the claims of a process need. */
export type ClaimDeps = Pick<Core, 'clock'> &
  Pick<JobServices, 'collections'> &
  Pick<LeaseServices, 'config'> &
  Pick<ClaimServices, 'contention' | 'claimHints'>;

/** Maximum number of queues that MongoDB merges in claim order by the index; more would be sorted in memory. */
export const maxMergedQueues = 200;

/** The order of claims: priority, then age; `_id` settles jobs of the same millisecond. */
export const claimOrder: Sort = { job_priority: -1, created_at: 1, _id: 1 };

/** Selects the jobs of these queues that an agent could take now. */
export function filterWaiting(queues: readonly string[]): Filter<JobRecord> {
  const names = [...new Set(queues)];
  return {
    'result_data.job_state': 'waiting',
    // One queue by equality, since `$in` of one makes MongoDB plan a merge of sorted branches.
    'job_data.job_queue': names.length === 1 ? names[0] : { $in: names },
    ...awaitsNothing,
    // An older document of an id that has a newer one, from an existing database.
    superseded: { $ne: true },
  } as Filter<JobRecord>;
}

/** The jobs that this agent could take from these queues now. */
export function filterClaimable({ queues, agent }: Claimer): Filter<JobRecord> {
  return {
    ...filterWaiting(queues),
    'job_data.exclude_agents': { $ne: agent },
    lost_holders: { $ne: agent },
  } as Filter<JobRecord>;
}

/** Takes the first claimable job in one statement, which stores state, holder, attempt, lease and start together. */
export async function claimOne(
  { collections, clock, config, claimHints }: ClaimDeps,
  claimer: Claimer,
): Promise<WaitingJob | undefined> {
  const state = stateAfter('claim');
  const update = {
    $set: {
      'result_data.job_state': state,
      ...setHolder(claimer.agent, claimer.clientId),
      'lease.attempt': { $add: [{ $ifNull: ['$lease.attempt', 0] }, 1] },
      // The token of an earlier claim, which may still be about to be undone.
      'lease.claim_token': '$$REMOVE',
      ...startLease({ clock, config }, state),
      started_at: clock.inDatabase,
      phase_times: '$$REMOVE',
    },
  };
  const job = await claimHints.claimable.use((hint) =>
    collections.jobs.findOneAndUpdate(filterClaimable(claimer), [update], {
      sort: claimOrder,
      returnDocument: 'after',
      ...hint,
    }),
  );
  return job ?? undefined;
}
