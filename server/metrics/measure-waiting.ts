import type { Deps } from '../deps.js';

/** Counts the requests of this process that wait. */
export function measureWaiting(
  metrics: Deps['metrics'],
  { jobWaiters, newsOfJobs: { states, logs } }: Pick<Deps, 'jobWaiters' | 'newsOfJobs'>,
): void {
  metrics.waitingRequests.set({ for: 'job' }, jobWaiters.count);
  metrics.waitingRequests.set({ for: 'state' }, states.count);
  metrics.waitingRequests.set({ for: 'log' }, logs.count);
}
