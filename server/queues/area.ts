import type { AuthServices } from '../auth/services.js';
import type { ClaimServices } from '../claims/services.js';
import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import { findBatch } from '../db/batched-reads.js';
import type { DatabaseServices } from '../db/services.js';
import type { AnyRoute } from '../http/route.js';
import type { JobServices } from '../job/services.js';
import type { LeaseServices } from '../leases/services.js';
import { queueCollections, queueIndexes } from './collections.js';
import { queueErrors } from './errors.js';
import { RestrictionMemory } from './restriction-memory.js';
import { queueRoutes } from './routes.js';
import type { QueueServices } from './services.js';
import { surveyQueues } from './survey-queues.js';
import { surveyWaitTimes } from './survey-wait-times.js';

type Needs = Core &
  DatabaseServices &
  AuthServices &
  JobServices &
  LeaseServices &
  ClaimServices &
  Pick<QueueServices, 'collections'>;

/** The queues area: which agents serve a queue, which jobs are in it, and which clients may push to it. */
export const queuesArea: Area<QueueServices, Needs, AnyRoute<Needs & QueueServices>> = {
  name: 'queues',
  collections: queueCollections,
  indexes: queueIndexes,
  errors: queueErrors,
  routes: queueRoutes,
  surveys: { queues: surveyQueues, queue_wait_times: surveyWaitTimes },
  createServices: ({ collections: { restrictedQueues }, batching, log }) => ({
    findRestriction: batching.batched(findBatch(restrictedQueues, 'queue_name')),
    restrictionMemory: new RestrictionMemory(restrictedQueues, log),
  }),
  stop: ({ restrictionMemory }) => restrictionMemory.close(),
};
