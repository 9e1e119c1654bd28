import { z } from 'zod';
import { presentOpenApi, readPackageVersion } from '../http/openapi.js';
import { json } from '../http/reply.js';
import { type AnyRoute, route } from '../http/route.js';

/** The route that describes all routes, itself too; `listed` gives them once all are declared. */
export function createOpenApiRoute(listed: () => readonly AnyRoute[]): AnyRoute {
  return route({
    method: 'GET',
    path: '/openapi.json',
    family: 'own',
    summary: 'This document',
    access: 'public',
    answers: { 200: { description: 'OpenAPI 3.1.', content: z.looseObject({ openapi: z.string() }) } },
    handle: (deps) => json(presentOpenApi(listed(), readPackageVersion(), deps.config.basePath)),
  });
}
