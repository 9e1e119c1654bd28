import type { Core } from '../core/core.js';
import type { AnyRoute } from '../http/route.js';
import type { AgentRecord } from '../leases/collections.js';
import type { LeaseServices } from '../leases/services.js';
import type { SessionSettings } from '../sessions/settings.js';
import { type Listed, listRoute, pageSize } from './list-route.js';
import { presentStored, StoredTime } from './stored-values.js';

type RouteDeps = Core & Pick<LeaseServices, 'collections'> & { config: SessionSettings & { oidc: boolean } };

type ListedAgent = Pick<AgentRecord, 'name' | 'state' | 'location' | 'comment' | 'updated_at'>;

/** The route of the list of agents. */
export const agentsRoute: AnyRoute<RouteDeps> = listRoute<RouteDeps, ListedAgent>({
  path: '/agents',
  title: 'Agents',
  summary: 'Open the list of agents',
  empty:
    'There are no agents. An agent is listed once it has reported to this server, and for 7 days after its last report.',
  columns: [
    { heading: 'Name', show: ({ name }) => presentStored(name) },
    { heading: 'State', show: ({ state }) => presentStored(state) },
    { heading: 'Location', show: ({ location }) => presentStored(location) },
    { heading: 'Comment', show: ({ comment }) => presentStored(comment) },
    { heading: 'Last updated (UTC)', show: ({ updated_at: at }) => <StoredTime value={at} /> },
  ],
  read: readAgents,
});

/** Reads one page of agents, by name. */
async function readAgents(
  { collections: { agents } }: Pick<RouteDeps, 'collections'>,
  after: string | undefined,
): Promise<Listed<ListedAgent>> {
  const found = await agents
    .find(after === undefined ? {} : { name: { $gt: after } })
    .project<ListedAgent>({ _id: 0, name: 1, state: 1, location: 1, comment: 1, updated_at: 1 })
    .sort({ name: 1 })
    .limit(pageSize + 1)
    .toArray();
  const rows = found.slice(0, pageSize);
  return { rows, next: found.length > pageSize ? rows.at(-1)?.name : undefined };
}
