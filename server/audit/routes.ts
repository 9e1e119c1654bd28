import { z } from 'zod';
import type { Core } from '../core/core.js';
import { json } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { roleGroups } from '../principal/roles.js';
import { type AuditQuery, auditQuery, listEvents } from './list-events.js';
import type { AuditServices } from './services.js';

type RouteDeps = Core & Pick<AuditServices, 'collections'>;
const route = routesOf<RouteDeps>();

const path = '/v1/audit';
const auditEvent = z.strictObject({
  id: z.string(),
  at: z.iso.datetime(),
  event: z.string(),
  outcome: z.enum(['accepted', 'refused']),
  actor: z.string().optional(),
  actor_kind: z.string(),
  source: z.string().optional(),
  target: z.string().optional(),
  request_id: z.string().optional(),
  reason: z.string().optional(),
  detail: z.looseObject({}).optional(),
  count: z.int().optional(),
  last_at: z.iso.datetime().optional(),
});

/** The route of the audit trail. */
export const auditRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'GET',
    path,
    family: 'own',
    summary: 'List audit events, the newest first',
    description:
      'Refusals, logins and refreshes that are equal within a minute or an hour are one event with their `count`. A `Link` header with `rel="next"` points to the next page if there is one.',
    access: { roles: roleGroups.admins },
    audit: { none: 'a read changes nothing' },
    query: auditQuery,
    answers: {
      200: {
        description: 'The events; 100 unless `limit` names another number.',
        content: z.array(auditEvent),
      },
    },
    async handle(deps, { query }) {
      const { events, next } = await listEvents(deps, query);
      if (next === undefined) return json(events);
      return json(events, {
        Link: `<${deps.config.basePath}${path}?${presentQuery(query, next)}>; rel="next"`,
      });
    },
  }),
];

function presentQuery(query: AuditQuery, cursor: string): string {
  const { since, until, limit, cursor: _cursor, ...texts } = query;
  const fields = {
    ...texts,
    since: since?.toISOString(),
    until: until?.toISOString(),
    limit: limit?.toString(),
    cursor,
  };
  const given = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined);
  return new URLSearchParams(given).toString();
}
