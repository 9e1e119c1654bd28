import { ApiError } from '../errors/api-error.js';
import type { AgentRecord } from '../leases/collections.js';
import type { LeaseServices } from '../leases/services.js';
import { queueErrors } from './errors.js';

const shownFields = [
  'name',
  'state',
  'queues',
  'location',
  'provision_type',
  'job_id',
  'comment',
] as const satisfies readonly (keyof AgentRecord)[];

/**
 * Lists the agents that serve a queue, by name. Fields that an agent did not report are left out.
 * @throws ApiError 404 if no agent serves the queue
 */
export async function listQueueAgents(
  { collections }: Pick<LeaseServices, 'collections'>,
  queue: string,
): Promise<Record<string, unknown>[]> {
  const projection = { _id: 0, ...Object.fromEntries(shownFields.map((field) => [field, 1])) };
  const agents = await collections.agents.find({ queues: queue }, { projection }).sort({ name: 1 }).toArray();
  if (agents.length === 0) {
    throw new ApiError(queueErrors.notFound, { message: `Queue '${queue}' does not exist.` });
  }
  return agents.map((agent) =>
    Object.fromEntries(
      shownFields.filter((field) => agent[field] != null).map((field) => [field, agent[field]]),
    ),
  );
}
