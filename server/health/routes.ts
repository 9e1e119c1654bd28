import type { PeriodicServices } from '../periodic/services.js';
import { z } from 'zod';
import { json, text } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { checkDatabaseWritable } from './check-database-writable.js';

type RouteDeps = Pick<PeriodicServices, 'collections'>;
const route = routesOf<RouteDeps>();

const ok = z.strictObject({ status: z.literal('OK') });

/** What a load balancer, an agent and a person ask first. */
export const healthRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'GET',
    path: '/v1',
    family: 'v1',
    summary: 'A greeting, which stock agents look at before each poll',
    access: 'public',
    answers: { 200: { description: 'Begins with `Testflinger Server`.', content: 'text' } },
    handle: () => text('Testflinger Server (Queuepass)'),
  }),
  route({
    method: 'GET',
    path: '/livez',
    family: 'own',
    summary: 'The process serves requests',
    access: 'public',
    alsoAtRoot: true,
    answers: { 200: { description: 'It does.', content: ok } },
    handle: () => json({ status: 'OK' }),
  }),
  route({
    method: 'GET',
    path: '/readyz',
    family: 'own',
    summary: 'MongoDB is reachable and writable',
    access: 'public',
    alsoAtRoot: true,
    answers: { 200: { description: 'It is.', content: ok } },
    async handle(deps) {
      await checkDatabaseWritable(deps);
      return json({ status: 'OK' });
    },
  }),
];
