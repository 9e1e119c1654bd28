import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import type { ApiDescription } from '../http/openapi.js';
import type { AnyRoute } from '../http/route.js';
import { createOpenApiRoute } from './openapi-route.js';
import { apiPageRoutes } from './routes.js';
import type { ApiPageDeps, ApiPageServices } from './services.js';
import { apiPageSettings } from './settings.js';

/**
 * Creates the area of the OpenAPI document and the API page.
 * @param describe returns the description of all routes, once all are listed
 */
export function createApiPageArea(
  describe: () => ApiDescription,
): Area<ApiPageServices, Core, AnyRoute<ApiPageDeps>> {
  return {
    name: 'api-page',
    settings: apiPageSettings,
    routes: [createOpenApiRoute(describe), ...apiPageRoutes],
  };
}
