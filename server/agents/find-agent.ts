import type { AuthServices } from '../auth/services.js';
import { presentDate } from '../http/present-date.js';
import type { AgentRecord } from '../leases/collections.js';
import { findRestrictedQueues } from '../queues/restricted-queues.js';
import type { QueueServices } from '../queues/services.js';
import type { AgentServices } from './services.js';

/** Fields of an agent's record that the API shows. Its log is not among them. */
const shownFields = [
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

/** Finds an agent by name, in the form that the API shows. Returns `undefined` if it does not exist. */
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

/**
 * Formats an agent for the API, with the owners of its restricted queues. No field is ever null, because the stock
 * agent expects every present field to be a text or a list.
 */
export function presentAgent(
  record: AgentRecord,
  restrictedTo: Record<string, string[]>,
): Record<string, unknown> {
  const fields = shownFields.filter((field) => record[field] != null).map((field) => [field, record[field]]);
  return {
    ...Object.fromEntries(fields),
    ...(record.updated_at && { updated_at: presentDate(record.updated_at) }),
    restricted_to: restrictedTo,
  };
}
