import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Deps } from '../deps.js';
import type { Duty } from './duty.js';
import { releaseDutyLock, takeDutyLock } from './duty-lock.js';

/** Milliseconds for which a lock is taken beyond the time between two runs. */
const lockMarginMs = 3000;

/** The duties of this process, until they are stopped. */
export interface RunningDuties {
  /** Lets a run that is under way end, and the locks go. */
  stop(): Promise<void>;
}

/** Runs each duty again and again while no other process does; what fails is logged, and tried again. */
export function runDuties(deps: Deps, duties: readonly Duty[]): RunningDuties {
  const holder = randomUUID();
  const stopping = new AbortController();
  const running = duties.map((duty) => repeat(deps, duty, holder, stopping.signal));
  return {
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

async function repeat(deps: Deps, duty: Duty, holder: string, stopping: AbortSignal): Promise<void> {
  let isAway = false;
  while (!stopping.aborted) {
    try {
      const now = await takeDutyLock(deps, duty.name, holder, duty.everyMs + lockMarginMs);
      if (now !== undefined) await runTimed(deps, duty, now);
      isAway = false;
    } catch (error) {
      // Once for each outage: the requests tell of it too.
      if (!isAway) deps.log.warn({ err: error, duty: duty.name }, 'a periodic duty failed');
      isAway = true;
    }
    await wait(duty.everyMs, undefined, { signal: stopping, ref: false }).catch(() => undefined);
  }
  await releaseDutyLock(deps.collections.locks, duty.name, holder).catch(() => undefined);
}

async function runTimed(deps: Deps, duty: Duty, now: Date): Promise<void> {
  const end = deps.metrics.dutySeconds.startTimer({ duty: duty.name });
  // One that failed took its time too.
  await duty.run(deps, now).finally(end);
}
