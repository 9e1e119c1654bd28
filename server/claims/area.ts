import type { AuthServices } from '../auth/services.js';
import type { Area } from '../core/area.js';
import { BoundedLabel } from '../core/bounded-label.js';
import type { Core } from '../core/core.js';
import { createIndexHints } from '../db/index-hint.js';
import type { DatabaseServices } from '../db/services.js';
import type { AnyRoute } from '../http/route.js';
import type { HubServices } from '../hub/services.js';
import type { JobServices } from '../job/services.js';
import type { LeaseServices } from '../leases/services.js';
import type { LogServices } from '../logs/services.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import type { SecretServices } from '../secrets/services.js';
import { createClaims } from './claim-together.js';
import { createClaimableFeed } from './claimable-feed.js';
import { claimCollections, claimIndexes } from './collections.js';
import { ClaimContention } from './contention.js';
import { claimErrors } from './errors.js';
import { JobWaiters } from './job-waiters.js';
import { maxQueues, measureQueues } from './measure-queues.js';
import { claimMetrics } from './metrics.js';
import { claimRoutes } from './routes.js';
import type { ClaimServices } from './services.js';
import { WaitTimes } from './wait-times.js';

type Needs = Core &
  DatabaseServices &
  HubServices &
  AuthServices &
  JobServices &
  ScrubbingServices &
  LogServices &
  SecretServices &
  LeaseServices &
  Pick<ClaimServices, 'collections' | 'metrics'>;

/** The claims area: gives each holder that asks the first job that waits in its queues. */
export const claimsArea: Area<ClaimServices, Needs, AnyRoute<Needs & ClaimServices>> = {
  name: 'claims',
  collections: claimCollections,
  indexes: claimIndexes,
  errors: claimErrors,
  metrics: claimMetrics,
  measures: [measureQueues],
  routes: claimRoutes,
  createServices(deps) {
    const { collections, clock, config, log, metrics } = deps;
    const claimHints = createIndexHints(collections.jobs, claimIndexes, {
      waiting: 'qp_waiting',
      claimable: 'qp_claimable',
    });
    const contention = new ClaimContention({ collections, clock });
    const jobWaiters = new JobWaiters();
    metrics.beforeScrape.push(() => metrics.waitingRequests.set({ for: 'job' }, jobWaiters.count));
    return {
      claimHints,
      contention,
      claims: createClaims({ collections, clock, config, contention, claimHints }),
      jobWaiters,
      claimableFeed: createClaimableFeed(collections, jobWaiters, log),
      waitTimes: new WaitTimes(collections.queueWaitTimes, log),
      claimQueues: new BoundedLabel(maxQueues),
    };
  },
  start({ claimHints }) {
    for (const hint of Object.values(claimHints)) void hint.load();
  },
  endWaits({ jobWaiters }) {
    jobWaiters.end();
  },
  async stop({ claimableFeed, waitTimes }) {
    await claimableFeed.close();
    await waitTimes.close();
  },
};
