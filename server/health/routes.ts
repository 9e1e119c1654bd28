import { z } from 'zod';
import { json, text } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import type { PeriodicServices } from '../periodic/services.js';
import { checkDatabaseWritable } from './check-database-writable.js';

type RouteDeps = Pick<PeriodicServices, 'collections'>;
const route = routesOf<RouteDeps>();

const ok = z.strictObject({ status: z.literal('OK') });

/** The routes that report whether the server works. */
export const healthRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'GET',
    path: '/v1',
    family: 'v1',
    summary: 'Get a greeting, which stock agents check before each poll',
    access: 'public',
    audit: { none: 'a read changes nothing' },
    answers: { 200: { description: 'A text that starts with `Testflinger Server`.', content: 'text' } },
    handle: () => text('Testflinger Server (Queuepass)'),
  }),
  route({
    method: 'GET',
    path: '/livez',
    family: 'own',
    summary: 'Check that the process serves requests',
    access: 'public',
    audit: { none: 'a read changes nothing' },
    alsoAtRoot: true,
    answers: { 200: { description: 'The process serves requests.', content: ok } },
    handle: () => json({ status: 'OK' }),
  }),
  route({
    method: 'GET',
    path: '/readyz',
    family: 'own',
    summary: 'Check that MongoDB is reachable and writable',
    access: 'public',
    audit: { none: 'a read changes nothing' },
    alsoAtRoot: true,
    answers: { 200: { description: 'MongoDB is reachable and writable.', content: ok } },
    async handle(deps) {
      await checkDatabaseWritable(deps);
      return json({ status: 'OK' });
    },
  }),
];
