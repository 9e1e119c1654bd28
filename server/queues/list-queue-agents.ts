import type { LeaseServices } from '../leases/services.js';
import { queueErrors } from './errors.js';
import type { AgentRecord } from '../leases/collections.js';
import { ApiError } from '../errors/api-error.js';

const shown = [
  'name',
  'state',
  'queues',
  'location',
  'provision_type',
  'job_id',
  'comment',
] as const satisfies readonly (keyof AgentRecord)[];

/**
 * The agents that serve a queue, by name; what an agent did not tell is left out.
 * @throws ApiError 404 when no agent lists the queue.
 */
export async function listQueueAgents(
  { collections }: Pick<LeaseServices, 'collections'>,
  queue: string,
): Promise<Record<string, unknown>[]> {
  const projection = { _id: 0, ...Object.fromEntries(shown.map((field) => [field, 1])) };
  const agents = await collections.agents.find({ queues: queue }, { projection }).sort({ name: 1 }).toArray();
  if (agents.length === 0) {
    throw new ApiError(queueErrors.notFound, { message: `Queue '${queue}' does not exist.` });
  }
  return agents.map((agent) =>
    Object.fromEntries(shown.filter((field) => agent[field] != null).map((field) => [field, agent[field]])),
  );
}
