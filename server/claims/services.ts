import type { BoundedLabel } from '../core/bounded-label.js';
import type { MetricsOf } from '../core/metric-registry.js';
import type { Batcher } from '../db/batcher.js';
import type { IndexHint } from '../db/index-hint.js';
import type { Claimer, WaitingJob } from './claimer.js';
import type { ClaimCollections } from './collections.js';
import type { ClaimContention } from './contention.js';
import type { ClaimableFeed, JobWaiters } from './job-waiters.js';
import type { claimMetrics } from './metrics.js';
import type { WaitTimes } from './wait-times.js';

/** What claims add to the dependencies of functions. */
export interface ClaimServices {
  collections: ClaimCollections;
  metrics: MetricsOf<typeof claimMetrics>;
  /** Claims, served together with others of the same moment. */
  claims: Batcher<Claimer, WaitingJob | undefined>;
  /** The hint of statements that find waiting jobs. */
  claimHints: { waiting: IndexHint; claimable: IndexHint };
  contention: ClaimContention;
  jobWaiters: JobWaiters;
  claimableFeed: ClaimableFeed;
  waitTimes: WaitTimes;
  /** Which queues have a series of claims of their own in the metrics. */
  claimQueues: BoundedLabel;
}
