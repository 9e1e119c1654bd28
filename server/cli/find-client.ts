import { type ApiClient, pathOf } from './api-client.js';
import { CliError, RefusedError } from './cli-error.js';
import type { Limits } from './read-limits.js';

/** A client as the server shows it. */
export interface ShownClient {
  client_id: string;
  role: string;
  max_priority: Limits;
  max_reservation_time: Limits;
  allowed_queues: string[];
  email?: string;
}

/** The client of this id, or `undefined` when there is none. @throws as `ApiClient.send` */
export async function findClient(api: ApiClient, id: string): Promise<ShownClient | undefined> {
  try {
    const path = pathOf`/v1/client-permissions/${id}`;
    return (await api.getFields(
      ['client_id', 'role', 'max_priority'],
      'GET',
      path,
    )) as unknown as ShownClient;
  } catch (error) {
    if (error instanceof RefusedError && error.status === 404) return undefined;
    throw error;
  }
}

/** @throws CliError when there is no client of this id, else as `ApiClient.send` */
export async function getClient(api: ApiClient, id: string): Promise<ShownClient> {
  const found = await findClient(api, id);
  if (found === undefined) throw new CliError(presentUnknown(id));
  return found;
}

/** The text for a client that is not there, with the next step. */
export function presentUnknown(id: string): string {
  return `there is no client ${id}: see \`queuepass client list\`, or make it with \`queuepass client add\``;
}
