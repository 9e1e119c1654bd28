import { z } from 'zod';
import { type ApiDescription, presentOpenApi, readPackageVersion } from '../http/openapi.js';
import { json } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import type { ApiPageDeps } from './services.js';
import { findDocsAccess } from './settings.js';

const route = routesOf<ApiPageDeps>();

/** Creates the route of the OpenAPI document. @param describe returns the description of all routes, this one included */
export function createOpenApiRoute(describe: () => ApiDescription): AnyRoute<ApiPageDeps> {
  return route({
    method: 'GET',
    path: '/openapi.json',
    family: 'own',
    summary: 'Get this document',
    access: 'public',
    accessBy: findDocsAccess,
    audit: { none: 'a read changes nothing' },
    answers: {
      200: { description: 'The OpenAPI 3.1 document.', content: z.looseObject({ openapi: z.string() }) },
    },
    handle: (deps) => json(presentOpenApi(describe(), readPackageVersion(), deps.config.basePath)),
  });
}
