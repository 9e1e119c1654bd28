import { setTimeout as wait } from 'node:timers/promises';
import type { Deps } from '../deps.js';
import { toApiError } from '../http/to-api-error.js';
import type { WaitingJob } from './choose-jobs.js';
import { claimJob } from './claim-job.js';

/** Milliseconds after a look that MongoDB did not answer. */
const lookAgainMs = 1000;

/** A claim that is ready to wait. */
export interface WaitingClaim {
  queues: readonly string[];
  agent: string;
  /** 0 for a claim that is answered at once. */
  seconds: number;
  isGone(): boolean;
  /** Calls `listener` when the client closes its connection; what it returns ends that. */
  onGone(listener: () => void): () => void;
}

/**
 * Takes the first claimable job, now or as soon as one is there within the time that the client is ready to wait;
 * `undefined` when there was none. Never for a client that has gone.
 */
export async function waitForJob(deps: Deps, claim: WaitingClaim): Promise<WaitingJob | undefined> {
  const { queues, agent, seconds, isGone } = claim;
  if (isGone()) return undefined;
  if (seconds === 0) return claimJob(deps, { queues, agent, isGone });
  const deadline = performance.now() + seconds * 1000;
  const { jobWaiters, claimableFeed, metrics, clock } = deps;
  const waiter = jobWaiters.add(queues, agent);
  const ignoreGone = claim.onGone(() => waiter.end());
  let job: WaitingJob | undefined;
  try {
    // From here on no job becomes claimable unseen: only then a look that finds nothing may be waited upon.
    await claimableFeed.use();
    while (!isGone()) {
      waiter.beginLook();
      try {
        job = await claimJob(deps, { queues, agent, isGone });
      } catch (error) {
        // All that wait are told of a lost primary at once: they are to outlast it, and not to come back all together.
        const isLate = jobWaiters.isEnding || deadline - performance.now() < lookAgainMs;
        if (isLate || toApiError(error).code !== 'unavailable') throw error;
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
