import type { Document, WithId } from 'mongodb';
import type { Core } from '../core/core.js';
import { byId } from '../db/index-hint.js';
import { endedStates } from '../job/job-state.js';
import type { JobServices } from '../job/services.js';
import { fenceLease } from './fencing.js';
import { type HolderKind, holderKinds } from './holder-kinds.js';
import { type Leased, timeAfter } from './lease-length.js';
import type { LeaseServices } from './services.js';

type LeaseDeps = Pick<Core, 'clock'> & Pick<LeaseServices, 'config'>;

/**
 * The fields of a job whose lease starts, or starts again, at the database's present time, for the first stage of a pipeline
 * update. None with `AGENT_LEASES=off`.
 * @param state the state that the job will be in: a word, or an expression
 */
export function startLease(
  { config, clock }: LeaseDeps,
  state: unknown,
  kind: HolderKind = holderKinds.agent,
): Document {
  if (config.agentLeases === 'off') return {};
  return {
    'lease.until': timeAfter(clock, kind.leaseLength(config, state)),
    'lease.cut': '$$REMOVE',
  };
}

/** Sets the holder of a lease, for a pipeline update. A client that is not known removes the one of the holder before. */
export function setHolder(agent: string, clientId: string | undefined): Document {
  return {
    'lease.holder': { $literal: agent },
    'lease.client_id': clientId === undefined ? '$$REMOVE' : { $literal: clientId },
  };
}

/** Removes the holder of a lease, for a pipeline update. */
export const noHolder: Document = { 'lease.holder': '$$REMOVE', 'lease.client_id': '$$REMOVE' };

/** Removes the end and the mark of a lease, for a pipeline update. */
export const endLease: Document = { 'lease.until': '$$REMOVE', 'lease.cut': '$$REMOVE' };

/**
 * Whether a sign of life must be written: half of the lease has passed, it was cut, or there is none yet. The lease of a
 * cancelled job is not renewed, so that its holder cannot keep the job for ever.
 */
export function isRenewalDue({ config, clock }: LeaseDeps, job: Leased): boolean {
  if (config.agentLeases === 'off' || endedStates.includes(job.result_data.job_state)) return false;
  const { until, cut } = job.lease ?? {};
  if (until === undefined || cut === true) return true;
  return until.getTime() - clock.now().getTime() < holderKinds.agent.readLeaseMs(config, job) / 2;
}

/** Renews the lease that was seen; false when the job has another holder or attempt by now. */
export async function renewLease(
  deps: Core & Pick<JobServices, 'collections'> & Pick<LeaseServices, 'config'>,
  job: WithId<Leased>,
  agent: string,
): Promise<boolean> {
  const { matchedCount } = await deps.collections.jobs.updateOne(
    { _id: job._id, ...fenceLease({ holder: agent, attempt: job.lease?.attempt ?? 0 }) },
    // By the state that is stored at the time of the write, which may differ from the one that was read.
    [{ $set: renewUnlessEnded(deps, '$result_data.job_state') }],
    byId,
  );
  return matchedCount === 1;
}

/**
 * As `startLease`, for a job that may have ended, or whose lease may not be due: then its lease stays unchanged, so that
 * the write moves no entry of the index of leases. A lease that is longer than one of this state is shortened.
 */
export function renewUnlessEnded(deps: LeaseDeps, state: unknown): Document {
  if (deps.config.agentLeases === 'off') return {};
  const length = holderKinds.agent.leaseLength(deps.config, state);
  const isEnded = { $in: ['$result_data.job_state', [...endedStates]] };
  const half = typeof length === 'number' ? length / 2 : { $divide: [length, 2] };
  const isFresh = {
    $and: [
      { $gt: ['$lease.until', timeAfter(deps.clock, half)] },
      { $lte: ['$lease.until', timeAfter(deps.clock, length)] },
      { $ne: ['$lease.cut', true] },
    ],
  };
  return {
    'lease.until': {
      $cond: [
        { $or: [isEnded, isFresh] },
        { $ifNull: ['$lease.until', '$$REMOVE'] },
        timeAfter(deps.clock, length),
      ],
    },
    // A fresh lease is not cut.
    'lease.cut': { $cond: [isEnded, { $ifNull: ['$lease.cut', '$$REMOVE'] }, '$$REMOVE'] },
  };
}
