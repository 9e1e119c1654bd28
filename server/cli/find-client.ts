import { type ApiClient, pathOf } from './api-client.js';
import { CliError, RefusedError } from './cli-error.js';
import type { Limits } from './read-limits.js';

/** A client in a response of the server. */
export interface ShownClient {
  client_id: string;
  role: string;
  max_priority: Limits;
  max_reservation_time: Limits;
  allowed_queues: string[];
  email?: string;
  disabled?: true;
}

/** Finds a client by its id. Returns `undefined` if it does not exist. @throws as `ApiClient.send` */
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

/** Gets a client by its id. @throws CliError if it does not exist; otherwise as `ApiClient.send` */
export async function getClient(api: ApiClient, id: string): Promise<ShownClient> {
  const found = await findClient(api, id);
  if (found === undefined) throw new CliError(presentUnknownClient(id));
  return found;
}

/** Returns the error text for a client that does not exist, with the next step. */
export function presentUnknownClient(id: string): string {
  return `there is no client ${id}: see \`queuepass client list\`, or create it with \`queuepass client add\``;
}
