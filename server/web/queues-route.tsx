import type { Core } from '../core/core.js';
import type { AnyRoute } from '../http/route.js';
import type { LeaseServices } from '../leases/services.js';
import type { QueueServices } from '../queues/services.js';
import type { SessionSettings } from '../sessions/settings.js';
import { type CountDeps, countUnfinished } from './count-unfinished.js';
import { type Listed, listRoute, pageSize } from './list-route.js';
import { presentStored } from './stored-values.js';

type RouteDeps = Core &
  CountDeps &
  Pick<QueueServices, 'collections'> &
  Pick<LeaseServices, 'collections'> & { config: SessionSettings & { oidc: boolean } };

interface ListedQueue {
  name: string;
  description: unknown;
  unfinished: number;
}

/** The route of the list of queues. */
export const queuesRoute: AnyRoute<RouteDeps> = listRoute<RouteDeps, ListedQueue>({
  path: '/queues',
  title: 'Queues',
  summary: 'Open the list of queues',
  empty: 'There are no queues. A queue is listed once an agent advertises it or serves it.',
  columns: [
    { heading: 'Name', show: ({ name }) => presentStored(name) },
    { heading: 'Description', show: ({ description }) => presentStored(description) },
    { heading: 'Unfinished jobs', className: 'number', show: ({ unfinished }) => unfinished },
  ],
  read: readQueues,
});

/** Reads one page of the queues that agents advertise or serve, by name. */
async function readQueues(deps: RouteDeps, after: string | undefined): Promise<Listed<ListedQueue>> {
  const [advertised, served] = await Promise.all([findAdvertised(deps, after), findServed(deps, after)]);
  const names = [...new Set([...advertised.keys(), ...served])].sort(compareBytes);
  const shown = names.slice(0, pageSize);
  const unfinished = await countUnfinished(deps, shown);
  const rows = shown.map((name) => {
    return { name, description: advertised.get(name), unfinished: unfinished.get(name) ?? 0 };
  });
  return { rows, next: names.length > pageSize ? shown.at(-1) : undefined };
}

/** Finds the next queues that agents advertise, with their descriptions. Older databases can hold a name more than once. */
async function findAdvertised(
  { collections: { queues } }: Pick<RouteDeps, 'collections'>,
  after = '',
): Promise<Map<string, unknown>> {
  const found = queues
    .find({ name: { $gt: after } }, { projection: { _id: 0, name: 1, description: 1 } })
    .sort({ name: 1 });
  const descriptions = new Map<string, unknown>();
  try {
    for await (const { name, description } of found) {
      descriptions.set(name, description || descriptions.get(name));
      if (descriptions.size > pageSize + 1) break;
    }
  } finally {
    await found.close();
  }
  return descriptions;
}

/** Finds the queues that agents serve. An agent's record can hold anything in its list. */
async function findServed(
  { collections: { agents } }: Pick<RouteDeps, 'collections'>,
  after = '',
): Promise<string[]> {
  const served: unknown[] = await agents.distinct('queues');
  return served.filter((name): name is string => typeof name === 'string' && compareBytes(name, after) > 0);
}

/** Compares as MongoDB does, by the bytes of UTF-8. */
function compareBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
