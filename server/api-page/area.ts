import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import type { ApiDescription } from '../http/openapi.js';
import type { AnyRoute } from '../http/route.js';
import { createOpenApiRoute } from './openapi-route.js';
import { apiPageRoutes } from './routes.js';

/**
 * Creates the area of the OpenAPI document and the API page.
 * @param describe returns the description of all routes, once all are listed
 */
export function createApiPageArea(describe: () => ApiDescription): Area<object, Core, AnyRoute<Core>> {
  return { name: 'api-page', routes: [createOpenApiRoute(describe), ...apiPageRoutes] };
}
