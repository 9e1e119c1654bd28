import { z } from 'zod';
import type { Core } from '../core/core.js';
import { type ApiDescription, presentOpenApi, readPackageVersion } from '../http/openapi.js';
import { json } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';

const route = routesOf<Core>();

/** Creates the route of the OpenAPI document. @param describe returns the description of all routes, this one included */
export function createOpenApiRoute(describe: () => ApiDescription): AnyRoute<Core> {
  return route({
    method: 'GET',
    path: '/openapi.json',
    family: 'own',
    summary: 'Get this document',
    access: 'public',
    audit: { none: 'a read changes nothing' },
    answers: {
      200: { description: 'The OpenAPI 3.1 document.', content: z.looseObject({ openapi: z.string() }) },
    },
    handle: (deps) => json(presentOpenApi(describe(), readPackageVersion(), deps.config.basePath)),
  });
}
