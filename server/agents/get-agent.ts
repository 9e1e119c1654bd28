import type { AgentServices } from './services.js';
import type { QueueServices } from '../queues/services.js';
import type { AuthServices } from '../auth/services.js';
import type { AgentRecord } from '../leases/collections.js';
import { presentDate } from '../http/present-date.js';
import { findRestrictedQueues } from '../queues/restricted-queues.js';

/** What the API shows of an agent: all that it told but its log, and who may push to its restricted queues. */
const shown = [
  'name',
  'state',
  'queues',
  'location',
  'provision_type',
  'job_id',
  'comment',
  'identifier',
  'provision_streak_type',
  'provision_streak_count',
] as const satisfies readonly (keyof AgentRecord)[];

/** One agent as the API shows it, or `undefined` when none has this name. */
export async function findAgent(
  deps: Pick<AuthServices, 'collections'> &
    Pick<QueueServices, 'collections'> &
    Pick<AgentServices, 'findAgentRecord'>,
  name: string,
): Promise<Record<string, unknown> | undefined> {
  const record = await deps.findAgentRecord(name);
  if (record === undefined) return undefined;
  const restricted = await findRestrictedQueues(deps, record.queues ?? []);
  return presentAgent(record, Object.fromEntries(restricted.map(({ queue, owners }) => [queue, owners])));
}

/** An agent with the owners of its restricted queues. No field is ever null: the stock agent takes what is there as text or list. */
export function presentAgent(
  record: AgentRecord,
  restrictedTo: Record<string, string[]>,
): Record<string, unknown> {
  const fields = shown.filter((field) => record[field] != null).map((field) => [field, record[field]]);
  return {
    ...Object.fromEntries(fields),
    ...(record.updated_at && { updated_at: presentDate(record.updated_at) }),
    restricted_to: restrictedTo,
  };
}
