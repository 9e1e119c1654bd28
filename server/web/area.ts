import type { AuthServices } from '../auth/services.js';
import type { ClaimServices } from '../claims/services.js';
import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import type { AnyRoute } from '../http/route.js';
import type { JobServices } from '../job/services.js';
import type { JobsServices } from '../jobs/services.js';
import type { LeaseServices } from '../leases/services.js';
import type { QueueServices } from '../queues/services.js';
import type { SessionServices } from '../sessions/services.js';
import { agentsRoute } from './agents-route.js';
import { webErrors } from './errors.js';
import { homeRoute } from './home-route.js';
import { jobsRoute } from './jobs-route.js';
import { queuesRoute } from './queues-route.js';

type Needs = Core &
  Pick<AuthServices, 'config'> &
  Pick<SessionServices, 'config'> &
  Pick<JobServices, 'collections'> &
  Pick<JobsServices, 'jobsHints'> &
  Pick<ClaimServices, 'claimHints'> &
  Pick<LeaseServices, 'collections'> &
  Pick<QueueServices, 'collections'>;

/** The pages that people look at. */
export const webArea: Area<object, Needs, AnyRoute<Needs>> = {
  name: 'web',
  errors: webErrors,
  routes: [homeRoute, agentsRoute, jobsRoute, queuesRoute],
};
