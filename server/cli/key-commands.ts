import type { Command } from 'commander';
import { ApiClient, type ApiRequest, pathOf } from './api-client.js';
import { adviseOn } from './cli-error.js';
import { type Connection, findConnection, type GlobalOptions } from './find-connection.js';
import { print, printJson, tell } from './print.js';
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
    .description('make a further key for a client, which is printed this once; earlier ones stay good')
    .option(
      '--expires-after <duration>',
      'seconds, or like 90d; a key without it does not expire',
      readDuration,
    )
    .option('--label <text>', 'what the key is for')
    .action(addKey);
  key.command('list <id>').description('the keys of a client, without their secrets').action(listKeys);
  key.command('remove <id> <key-id>').description('end a key of a client at once').action(removeKey);
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
    .getFields(['key_id', 'client_key', 'expires_at'], 'POST', path, { body, ...asWhom(api, id) })
    .catch(adviseOn(409, `(queuepass client key list ${id})`))
    .catch(adviseOn(404, '(queuepass client list)'));
  const until = made.expires_at === null ? 'does not expire' : `is good until ${String(made.expires_at)}`;
  announceKey(command, api.connection, `The key ${String(made.key_id)} of ${id} ${until}`, id, made);
}

async function listKeys(id: string, options: GlobalOptions, command: Command): Promise<void> {
  const api = new ApiClient(findConnection(command));
  const path = pathOf`/v1/client-permissions/${id}/keys`;
  const keys = await api
    .getList<ShownKey>(path, asWhom(api, id))
    .catch(adviseOn(404, '(queuepass client list)'));
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson(keys);
  const rows = keys.map((key) => [key.key_id, key.label, key.created_at, key.expires_at, key.last_used_on]);
  printTable(['KEY', 'LABEL', 'CREATED', 'EXPIRES', 'LAST USED'], rows);
}

async function removeKey(id: string, keyId: string, options: GlobalOptions, command: Command): Promise<void> {
  const api = new ApiClient(findConnection(command));
  const path = pathOf`/v1/client-permissions/${id}/keys/${keyId}`;
  await api.send('DELETE', path, asWhom(api, id)).catch(adviseOn(404, `(queuepass client key list ${id})`));
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson({ key_id: keyId, removed: true });
  print(`The key ${keyId} of ${id} is ended`);
}

/** A client that sees to its own keys shows the key that it has: a pass does not do for that. */
function asWhom({ connection }: ApiClient, id: string): ApiRequest {
  return { withKey: connection.credentials.clientId === id };
}

/** Prints a key that was made: it alone is the result, so that `$(...)` takes it; the rest is for people. */
export function announceKey(
  command: Command,
  { server }: Connection,
  event: string,
  id: string,
  made: { client_key: unknown },
): void {
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson(made);
  tell(`${event}. Its key, which is shown this once:`);
  print(String(made.client_key));
  const url = presentCurl(server, `/v1/authenticate/token/${encodeURIComponent(id)}`);
  tell(`Next, with that key in KEY, get a pass: curl -H "client-key: $KEY" ${url}`);
}
