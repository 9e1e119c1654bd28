import type { DepsOf } from '../core/core.js';
import type { Duty } from '../core/duty.js';
import { classifyDatabaseError } from '../db/classify-error.js';
import type { JobServices } from '../job/services.js';
import { writePendingLines } from '../logs/server-line.js';
import type { PeriodicServices } from '../periodic/services.js';
import { type ExpiredJob, expireLease } from './expire-lease.js';
import { extendLeases } from './extend-leases.js';
import { freeLostHolders } from './free-lost-holders.js';
import type { LeaseServices } from './services.js';

/** Milliseconds between two sweeps. */
const sweepMs = 5000;

/** A longer pause means that no process swept, and that agents may have found no server to give a sign of life to. */
const downMs = 15_000;

/** Milliseconds after which a sweep leaves the rest to the next one: a longer sweep would look like a pause. */
const maxSweepMs = 4000;

/** Number of expired leases that are read at once. */
const batchSize = 50;

/** Takes jobs from agents that are gone, in one process at a time. */
export const leaseDuty: Duty<DepsOf<typeof sweepLeases>> = {
  name: 'sweep_leases',
  everyMs: sweepMs,
  run: sweepLeases,
};

/**
 * Runs one sweep (leases.md, section 3). After a pause of all processes it first extends every lease to its full length, so
 * that an outage takes no job from any agent.
 * @param now the database's time when the sweep began: a process that was paused in the middle must not end leases that
 * expired meanwhile
 */
export async function sweepLeases(
  deps: Pick<PeriodicServices, 'collections'> & DepsOf<typeof expireSafely> & DepsOf<typeof freeLostHolders>,
  now: Date,
): Promise<void> {
  if (deps.config.agentLeases === 'off') return;
  const beat = await deps.collections.serviceBeats.findOne({ _id: 'sweep_leases' });
  const last = beat?.last_sweep_at;
  if (last === undefined || now.getTime() - last.getTime() > downMs) await extendLeases(deps, now);
  const started = performance.now();
  let closed: number;
  do {
    closed = 0;
    for (const job of await findExpired(deps, now)) closed += (await expireSafely(deps, job)) ? 1 : 0;
  } while (closed > 0 && performance.now() - started < maxSweepMs);
  await writePendingLines(deps);
  await freeLostHolders(deps);
  await deps.collections.serviceBeats.updateOne(
    { _id: 'sweep_leases' },
    // A sweep that was paused in the middle and continues much later must not hide the pause.
    { $max: { last_sweep_at: now } },
    { upsert: true },
  );
}

/** The jobs whose leases have expired, the earliest first; no other document is read. */
export function findExpired(
  { collections }: Pick<JobServices, 'collections'>,
  now: Date,
): Promise<ExpiredJob[]> {
  return collections.jobs
    .find({ 'lease.until': { $lte: now } } as object, {
      projection: {
        job_id: 1,
        'job_data.job_queue': 1,
        'job_data.exclude_agents': 1,
        'job_data.test_data.secrets': 1,
        'result_data.job_state': 1,
        lease: 1,
        log_segments: 1,
      },
      sort: { 'lease.until': 1 },
      limit: batchSize,
    })
    .toArray() as Promise<ExpiredJob[]>;
}

/** Ends one lease, and does not let a job that cannot be written hold up the others; true when the lease was ended. */
async function expireSafely(
  deps: Pick<LeaseServices, 'metrics'> & DepsOf<typeof expireLease>,
  job: ExpiredJob,
): Promise<boolean> {
  try {
    const event = await expireLease(deps, job);
    if (event !== undefined) deps.metrics.leasesLost.inc({ event, reason: 'lease_expired' });
    return event !== undefined;
  } catch (error) {
    if (classifyDatabaseError(error) === 'unavailable') throw error;
    deps.log.error({ err: error, job_id: job.job_id }, 'could not end an expired lease');
    return false;
  }
}
