import { setTimeout as wait } from 'node:timers/promises';
import type { Core } from '../core/core.js';
import { isApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import { toApiError } from '../http/to-api-error.js';
import type { WaitOptions } from '../hub/signal.js';
import type { LeaseServices } from '../leases/services.js';
import type { Claimer, WaitingJob } from './claimer.js';
import type { ClaimServices } from './services.js';

/** Milliseconds after a look that MongoDB did not answer. */
const lookAgainMs = 1000;

type WaitDeps = Core &
  Pick<LeaseServices, 'agentWatch'> &
  Pick<ClaimServices, 'claims' | 'claimQueues' | 'metrics' | 'waitTimes' | 'jobWaiters' | 'claimableFeed'>;

/**
 * Takes the first claimable job, now or as soon as there is one within the time that the client waits; `undefined`
 * when there was none. Never for a client that has gone.
 */
export async function waitForJob(
  deps: WaitDeps,
  { queues, agent, clientId }: Claimer,
  { seconds, isGone, onGone }: WaitOptions,
): Promise<WaitingJob | undefined> {
  if (isGone()) return undefined;
  const claimer = { queues, agent, clientId, isGone };
  if (seconds === 0) return claimJob(deps, claimer);
  const deadline = performance.now() + seconds * 1000;
  const { jobWaiters, claimableFeed, metrics, clock } = deps;
  const waiter = jobWaiters.add(queues, agent);
  const ignoreGone = onGone(() => waiter.end());
  let job: WaitingJob | undefined;
  try {
    // From here on no job becomes claimable unnoticed: only then may a claim wait after a look that found nothing.
    await claimableFeed.acquire();
    while (!isGone()) {
      waiter.beginLook();
      try {
        job = await claimJob(deps, claimer);
      } catch (error) {
        // Every claim that waits meets the loss of a primary at once: they should outlast it, and not come back all together.
        const isLate = jobWaiters.isEnding || deadline - performance.now() < lookAgainMs;
        if (isLate || !isApiError(toApiError(error), commonErrors.unavailable)) throw error;
        await wait(lookAgainMs);
        continue;
      }
      if (job !== undefined) {
        const { wokenFor } = waiter;
        if (wokenFor)
          metrics.wakeSeconds.observe(Math.max(0, (clock.now().getTime() - wokenFor.getTime()) / 1000));
        return job;
      }
      if ((await waiter.wait(deadline - performance.now())) === 'over') return undefined;
    }
    return undefined;
  } finally {
    ignoreGone();
    claimableFeed.release();
    waiter.leave(job?._id.toHexString());
  }
}

/**
 * Takes the first claimable job, or `undefined` when there is none, together with the other claims of this moment. Each
 * job is taken by one write, guarded by its state, so that one job goes to one agent however many ask at once.
 */
async function claimJob(deps: WaitDeps, claimer: Claimer): Promise<WaitingJob | undefined> {
  const { waitTimes, agentWatch, metrics, claimQueues } = deps;
  const job = await deps.claims.add(claimer);
  if (job === undefined) return undefined;
  agentWatch.holds(claimer.agent);
  metrics.claims.inc({ queue: claimQueues.valueOf(job.job_data.job_queue) });
  // A further attempt waited for a reason of its own.
  if (job.started_at && !job.lease?.losses) {
    const waitedMs = job.started_at.getTime() - job.created_at.getTime();
    waitTimes.add(job.job_data.job_queue, Math.max(0, waitedMs / 1000));
  }
  return job;
}
