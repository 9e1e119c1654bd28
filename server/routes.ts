import { agentRoutes } from './agents/routes.js';
import { apiPageRoutes } from './api-page/routes.js';
import { authRoutes } from './auth/routes.js';
import { keyRoutes } from './clients/key-routes.js';
import { clientRoutes } from './clients/routes.js';
import { createOpenApiRoute } from './health/openapi-route.js';
import { healthRoutes } from './health/routes.js';
import type { AnyRoute } from './http/route.js';
import { attachmentRoutes } from './jobs/attachment-routes.js';
import { eventRoutes } from './jobs/event-routes.js';
import { jobRoutes } from './jobs/routes.js';
import { searchRoutes } from './jobs/search-routes.js';
import { queueRoutes } from './queues/routes.js';
import { secretRoutes } from './secrets/routes.js';
import { artifactRoutes } from './results/artifact-routes.js';
import { resultRoutes } from './results/routes.js';

/** Every route there is, area by area: router, authorization, validation, OpenAPI and the role matrix are made from it. */
export const routes: readonly AnyRoute[] = [
  ...healthRoutes,
  createOpenApiRoute(() => routes),
  ...apiPageRoutes,
  ...authRoutes,
  ...clientRoutes,
  ...keyRoutes,
  ...queueRoutes,
  ...agentRoutes,
  ...searchRoutes,
  ...jobRoutes,
  ...secretRoutes,
  ...attachmentRoutes,
  ...eventRoutes,
  ...resultRoutes,
  ...artifactRoutes,
];
