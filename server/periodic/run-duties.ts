import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Core } from '../core/core.js';
import type { Duty } from '../core/duty.js';
import { releaseDutyLock, takeDutyLock } from './duty-lock.js';
import type { PeriodicServices } from './services.js';

/** The dependencies that running duties needs, besides those of the duties themselves. */
type DutyDeps = Core & PeriodicServices;

/** Milliseconds that a lock lasts longer than the time between two runs. */
const lockMarginMs = 3000;

/** The duties of this process, until they are stopped. */
export interface RunningDuties {
  /** Waits for runs in progress, and releases the locks. */
  stop(): Promise<void>;
}

/**
 * Runs each duty periodically while no other process does. A failed run is logged and does not prevent the next one.
 */
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
      // Logged once for each outage: requests log it too.
      if (!hasFailed) deps.log.warn({ err: error, duty: duty.name }, 'a periodic duty failed');
      hasFailed = true;
    }
    await wait(duty.everyMs, undefined, { signal: stopping, ref: false }).catch(() => undefined);
  }
  await releaseDutyLock(deps.collections.locks, duty.name, holder).catch(() => undefined);
}

async function runTimed<D extends DutyDeps>(deps: D, duty: Duty<D>, now: Date): Promise<void> {
  const end = deps.metrics.dutySeconds.startTimer({ duty: duty.name });
  // Failed runs are timed too.
  await duty.run(deps, now).finally(end);
}
