import type { PeriodicServices } from '../periodic/services.js';
import type { JobServices } from '../job/services.js';
import type { LeaseServices } from './services.js';
import { classifyDatabaseError } from '../db/classify-error.js';
import type { DepsOf } from '../core/core.js';
import type { Duty } from '../core/duty.js';
import { writePendingLines } from '../logs/server-line.js';
import { expireLease, type ExpiredJob } from './expire-lease.js';
import { extendLeases } from './extend-leases.js';
import { freeLostHolders } from './free-lost-holders.js';

/** Milliseconds between two sweeps. */
const sweepMs = 5000;

/** A pause of more than this means that no process swept: agents may have had nobody to give a sign of life to. */
const downMs = 15_000;

/** Milliseconds after which a sweep leaves the rest to the next one: a longer one would look like a pause. */
const longestMs = 4000;

/** Expired leases that are read at once. */
const batchSize = 50;

/** Takes jobs from agents that are gone, in one process at a time. */
export const leaseDuty: Duty<DepsOf<typeof sweepLeases>> = {
  name: 'sweep_leases',
  everyMs: sweepMs,
  run: sweepLeases,
};

/**
 * One sweep (leases.md, section 3). After a pause of all processes every lease is first extended by its own length, so
 * that an outage takes no job from anybody.
 * @param now the database's time when the sweep began: were this process stopped in the middle, leases that end
 * meanwhile are not its own business
 */
export async function sweepLeases(
  deps: Pick<PeriodicServices, 'collections'> & DepsOf<typeof expireSafely>,
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
  } while (closed > 0 && performance.now() - started < longestMs);
  await writePendingLines(deps);
  await freeLostHolders(deps);
  await deps.collections.serviceBeats.updateOne(
    { _id: 'sweep_leases' },
    // A sweep that was stopped in the middle and goes on much later must not hide the pause.
    { $max: { last_sweep_at: now } },
    { upsert: true },
  );
}

/** The expired leases, the longest first; nothing else is read. */
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

/** One job that cannot be written must not keep the others; true when its lease was closed. */
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
    deps.log.error({ err: error, job_id: job.job_id }, 'a lease that has ended could not be closed');
    return false;
  }
}
