import type { Command } from 'commander';
import { ApiClient, pathOf } from './api-client.js';
import { adviseOn, CliError, UsageError } from './cli-error.js';
import { findClient, getClient, presentUnknown, type ShownClient } from './find-client.js';
import { findConnection, type GlobalOptions } from './find-connection.js';
import { announceKey } from './key-commands.js';
import { type PermissionOptions, presentPermissions, withPermissions } from './permission-options.js';
import { print, printJson } from './print.js';
import { printFields, printTable } from './print-table.js';
import { presentDuration, presentLimits } from './read-limits.js';

/** Adds `client add|list|show|set|remove` to the `client` command. */
export function addClientCommands(client: Command): void {
  withPermissions(client.command('add <id>'))
    .description('make a client with a key, which is printed this once')
    .option('--label <text>', 'what the key is for, as `client key list` shows it')
    .action(addClient);
  client.command('list').description('all clients with their permissions').action(listClients);
  client.command('show <id>').description('one client with its permissions').action(showClient);
  withPermissions(client.command('set <id>'))
    .description('change permissions of a client; they hold from its next pass on')
    .action(setClient);
  client
    .command('remove <id>')
    .description('remove a client with its keys and refresh tokens; needs the role admin')
    .action(removeClient);
}

async function addClient(
  id: string,
  options: PermissionOptions & { label?: string },
  command: Command,
): Promise<void> {
  const api = new ApiClient(findConnection(command));
  if ((await findClient(api, id)) !== undefined) {
    throw new CliError(
      `the client ${id} is there already: change it with \`queuepass client set\`, or make it another key with \`queuepass client key add\``,
    );
  }
  const body = presentPermissions(options, { max_priority: {}, max_reservation_time: {} });
  const label = options.label === undefined ? '' : `&key_label=${encodeURIComponent(options.label)}`;
  const path = `${pathOf`/v1/client-permissions/${id}`}?generate_key=true${label}`;
  const made = await api.getFields(['client_id', 'key_id', 'client_key'], 'PUT', path, { body });
  announceKey(command, api.connection, `The client ${id} is made`, id, made);
}

async function listClients(options: GlobalOptions, command: Command): Promise<void> {
  const clients = await new ApiClient(findConnection(command)).getList<ShownClient>('/v1/client-permissions');
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson(clients);
  const rows = clients.map((client) => Object.values(presentClient(client)));
  printTable(['CLIENT', 'ROLE', 'MAX PRIORITY', 'MAX RESERVATION', 'OWN QUEUES', 'EMAIL'], rows);
}

async function showClient(id: string, options: GlobalOptions, command: Command): Promise<void> {
  printClient(command, await getClient(new ApiClient(findConnection(command)), id));
}

async function setClient(id: string, options: PermissionOptions, command: Command): Promise<void> {
  if (Object.keys(options).length === 0) {
    throw new UsageError('there is nothing to change; see: queuepass client set --help');
  }
  const api = new ApiClient(findConnection(command));
  // The server replaces a map as a whole, so what it has is kept by sending it along.
  const body = presentPermissions(options, await getClient(api, id));
  await api.send('PUT', pathOf`/v1/client-permissions/${id}`, { body });
  printClient(command, await getClient(api, id));
}

async function removeClient(id: string, options: GlobalOptions, command: Command): Promise<void> {
  const api = new ApiClient(findConnection(command));
  await api.send('DELETE', pathOf`/v1/client-permissions/${id}`).catch(adviseOn(404, presentUnknown(id)));
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson({ client_id: id, removed: true });
  print(`The client ${id} is removed; passes that it has are good for ten minutes at most`);
}

function printClient(command: Command, client: ShownClient): void {
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson(client);
  printFields(presentClient(client));
}

function presentClient(client: ShownClient) {
  return {
    client: client.client_id,
    role: client.role,
    'max priority': presentLimits(client.max_priority),
    'max reservation': presentLimits(client.max_reservation_time, presentDuration),
    'own queues': client.allowed_queues.join(' '),
    email: client.email,
  };
}
