import type { Command } from 'commander';
import { ApiClient, type ApiRequest, pathOf } from './api-client.js';
import { adviseOn } from './cli-error.js';
import { type Connection, findConnection, type GlobalOptions } from './find-connection.js';
import { print, printJson, printToStderr } from './print.js';
import { printTable } from './print-table.js';
import { readDuration } from './read-limits.js';
import { presentCurl } from './server-address.js';

interface ShownKey {
  key_id: string;
  label: string | null;
  created_at: string;
  expires_at: string | null;
  last_used_on: string | null;
}

/** Adds `add|list|remove` to the `client key` command. */
export function addKeyCommands(key: Command): void {
  key
    .command('add <id>')
    .description('create another key for a client, which is printed only once; earlier keys stay valid')
    .option(
      '--expires-after <duration>',
      "the key's lifetime: seconds, or a duration like 90d; without it, the key does not expire",
      readDuration,
    )
    .option('--label <text>', 'what the key is for')
    .action(addKey);
  key.command('list <id>').description('list the keys of a client, without their secrets').action(listKeys);
  key.command('remove <id> <key-id>').description('revoke a key of a client immediately').action(removeKey);
}

async function addKey(
  id: string,
  { expiresAfter, label }: { expiresAfter?: number; label?: string },
  command: Command,
): Promise<void> {
  const api = new ApiClient(findConnection(command));
  const body = {
    ...(expiresAfter !== undefined && { expires_after: expiresAfter }),
    ...(label !== undefined && { label }),
  };
  const path = pathOf`/v1/client-permissions/${id}/keys`;
  const made = await api
    .getFields(['key_id', 'client_key', 'expires_at'], 'POST', path, { body, ...presentCredentials(api, id) })
    .catch(adviseOn(409, `(queuepass client key list ${id})`))
    .catch(adviseOn(404, '(queuepass client list)'));
  const until = made.expires_at === null ? 'does not expire' : `is valid until ${String(made.expires_at)}`;
  printNewKey(command, api.connection, `The key ${String(made.key_id)} of ${id} ${until}`, id, made);
}

async function listKeys(id: string, options: GlobalOptions, command: Command): Promise<void> {
  const api = new ApiClient(findConnection(command));
  const path = pathOf`/v1/client-permissions/${id}/keys`;
  const keys = await api
    .getList<ShownKey>(path, presentCredentials(api, id))
    .catch(adviseOn(404, '(queuepass client list)'));
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson(keys);
  const rows = keys.map((key) => [key.key_id, key.label, key.created_at, key.expires_at, key.last_used_on]);
  printTable(['KEY', 'LABEL', 'CREATED', 'EXPIRES', 'LAST USED'], rows);
}

async function removeKey(id: string, keyId: string, options: GlobalOptions, command: Command): Promise<void> {
  const api = new ApiClient(findConnection(command));
  const path = pathOf`/v1/client-permissions/${id}/keys/${keyId}`;
  await api
    .send('DELETE', path, presentCredentials(api, id))
    .catch(adviseOn(404, `(queuepass client key list ${id})`));
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson({ key_id: keyId, removed: true });
  print(`Revoked the key ${keyId} of ${id}`);
}

/** Returns the request options for keys and tokens of a client. A client manages its own with its key, not with an access token. */
export function presentCredentials({ connection }: ApiClient, id: string): ApiRequest {
  return { withKey: connection.credentials.clientId === id };
}

/** Prints a new key to standard output, so that `$(...)` captures only the key, and explanations to standard error. */
export function printNewKey(
  command: Command,
  { server }: Connection,
  event: string,
  id: string,
  made: { client_key: unknown },
): void {
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson(made);
  printToStderr(`${event}. The key, which is shown only once:`);
  print(String(made.client_key));
  const url = presentCurl(server, `/v1/authenticate/token/${encodeURIComponent(id)}`);
  printToStderr(`Next: store the key in KEY and get a token: curl -H "client-key: $KEY" ${url}`);
}
