import { z } from 'zod';
import type { Core } from '../core/core.js';
import { type ApiDescription, presentOpenApi, readPackageVersion } from '../http/openapi.js';
import { json } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';

const route = routesOf<Core>();

/** The route that describes all routes, itself included; `describe` gives them once all are declared. */
export function createOpenApiRoute(describe: () => ApiDescription): AnyRoute<Core> {
  return route({
    method: 'GET',
    path: '/openapi.json',
    family: 'own',
    summary: 'This document',
    access: 'public',
    answers: { 200: { description: 'OpenAPI 3.1.', content: z.looseObject({ openapi: z.string() }) } },
    handle: (deps) => json(presentOpenApi(describe(), readPackageVersion(), deps.config.basePath)),
  });
}
