import { z } from 'zod';
import type { Core } from '../core/core.js';
import { jsonListPieces, streamJson } from '../http/json-stream.js';
import { json } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { roleGroups } from '../principal/roles.js';
import { type JobSearch, listJobPage, type SearchDeps, searchQuery, streamJobs } from './search-jobs.js';

type RouteDeps = Core & SearchDeps;
const route = routesOf<RouteDeps>();

const path = '/v1/job/search';
const foundJob = z.strictObject({ job_id: z.string(), created_at: z.iso.datetime(), job_state: z.string() });

/** The search route. GET /v1/job/{job_id} also matches its path, so this route must come first. */
export const searchRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'GET',
    path,
    family: 'v1',
    summary: 'Search for jobs by tags, states or ids, oldest first',
    description: 'With `limit`, a `Link` header with `rel="next"` points to the next page if there is one.',
    access: { roles: roleGroups.submitters },
    audit: { none: 'a read changes nothing' },
    query: searchQuery,
    repeated: ['tags', 'state', 'job_id'],
    answers: { 200: { description: 'The jobs.', content: z.array(foundJob) } },
    async handle(deps, { query }) {
      if (query.limit === undefined) return streamJson(jsonListPieces(streamJobs(deps, query)));
      const { jobs, next } = await listJobPage(deps, query, query.limit);
      if (next === undefined) return json(jobs);
      return json(jobs, {
        Link: `<${deps.config.basePath}${path}?${presentQuery(query, next)}>; rel="next"`,
      });
    },
  }),
];

function presentQuery(
  { tags = [], match, state = [], job_id: ids = [], limit }: JobSearch,
  cursor: string,
): string {
  const query = new URLSearchParams();
  for (const tag of tags) query.append('tags', tag);
  if (match !== undefined) query.set('match', match);
  for (const name of state) query.append('state', name);
  for (const id of ids) query.append('job_id', id);
  query.set('limit', String(limit));
  query.set('cursor', cursor);
  return query.toString();
}
