import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Core } from '../core/core.js';
import type { Duty } from '../core/duty.js';
import { releaseDutyLock, takeDutyLock } from './duty-lock.js';
import type { PeriodicServices } from './services.js';

/** What running duties takes of the dependencies, besides what the duties take. */
type DutyDeps = Core & PeriodicServices;

/** Milliseconds for which a lock is taken beyond the time between two runs. */
const lockMarginMs = 3000;

/** The duties of this process, until they are stopped. */
export interface RunningDuties {
  /** Waits for runs in progress, and releases the locks. */
  stop(): Promise<void>;
}

/** Repeats each duty while no other process runs it; a run that fails is logged, and the next one comes as usual. */
export function runDuties<D extends DutyDeps>(deps: D, duties: readonly Duty<D>[]): RunningDuties {
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

async function repeat<D extends DutyDeps>(
  deps: D,
  duty: Duty<D>,
  holder: string,
  stopping: AbortSignal,
): Promise<void> {
  let hasFailed = false;
  while (!stopping.aborted) {
    try {
      const now = await takeDutyLock(deps, duty.name, holder, duty.everyMs + lockMarginMs);
      if (now !== undefined) await runTimed(deps, duty, now);
      hasFailed = false;
    } catch (error) {
      // Once for each outage: the requests log it too.
      if (!hasFailed) deps.log.warn({ err: error, duty: duty.name }, 'a periodic duty failed');
      hasFailed = true;
    }
    await wait(duty.everyMs, undefined, { signal: stopping, ref: false }).catch(() => undefined);
  }
  await releaseDutyLock(deps.collections.locks, duty.name, holder).catch(() => undefined);
}

async function runTimed<D extends DutyDeps>(deps: D, duty: Duty<D>, now: Date): Promise<void> {
  const end = deps.metrics.dutySeconds.startTimer({ duty: duty.name });
  // A run that failed is timed too.
  await duty.run(deps, now).finally(end);
}
