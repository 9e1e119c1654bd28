import type { Command } from 'commander';
import { ApiClient, pathOf } from './api-client.js';
import { adviseOn, CliError, UsageError } from './cli-error.js';
import { findClient, getClient, presentUnknownClient, type ShownClient } from './find-client.js';
import { findConnection, type GlobalOptions } from './find-connection.js';
import { printNewKey } from './key-commands.js';
import { addPermissionOptions, type PermissionOptions, presentPermissions } from './permission-options.js';
import { print, printJson } from './print.js';
import { printFields, printTable } from './print-table.js';
import { presentDuration, presentLimits } from './read-limits.js';

/** Adds `client add|list|show|set|disable|enable|remove` to the `client` command. */
export function addClientCommands(client: Command): void {
  addPermissionOptions(client.command('add <id>'))
    .description('create a client with a key, which is printed only once')
    .option('--label <text>', 'what the key is for, as `client key list` shows it')
    .action(addClient);
  client.command('list').description('list all clients with their permissions').action(listClients);
  client.command('show <id>').description('show a client with its permissions').action(showClient);
  addPermissionOptions(client.command('set <id>'))
    .description('change permissions of a client; they apply from its next access token on')
    .action(setClient);
  client
    .command('disable <id>')
    .description('refuse the logins and refresh tokens of a client at once, until it is enabled again')
    .action((id: string, _: GlobalOptions, command: Command) => setDisabled(id, true, command));
  client
    .command('enable <id>')
    .description('accept the logins and refresh tokens of a disabled client again')
    .action((id: string, _: GlobalOptions, command: Command) => setDisabled(id, false, command));
  client
    .command('remove <id>')
    .description('remove a client with its keys and refresh tokens; requires the role admin')
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
      `the client ${id} already exists: change it with \`queuepass client set\`, or create another key with \`queuepass client key add\``,
    );
  }
  const body = presentPermissions(options, { max_priority: {}, max_reservation_time: {} });
  const label = options.label === undefined ? '' : `&key_label=${encodeURIComponent(options.label)}`;
  const path = `${pathOf`/v1/client-permissions/${id}`}?generate_key=true${label}`;
  const made = await api.getFields(['client_id', 'key_id', 'client_key'], 'PUT', path, { body });
  printNewKey(command, api.connection, `Created the client ${id}`, id, made);
}

async function listClients(options: GlobalOptions, command: Command): Promise<void> {
  const clients = await new ApiClient(findConnection(command)).getList<ShownClient>('/v1/client-permissions');
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson(clients);
  const headings = ['CLIENT', 'ROLE', 'MAX PRIORITY', 'MAX RESERVATION', 'OWN QUEUES', 'EMAIL'];
  const rows = clients.map((client) => Object.values(presentClient(client)));
  if (!clients.some(({ disabled }) => disabled)) return printTable(headings, rows);
  const withState = clients.map(({ disabled }, n) => [...(rows[n] ?? []), disabled && 'disabled']);
  printTable([...headings, 'STATE'], withState);
}

async function showClient(id: string, options: GlobalOptions, command: Command): Promise<void> {
  printClient(command, await getClient(new ApiClient(findConnection(command)), id));
}

async function setClient(id: string, options: PermissionOptions, command: Command): Promise<void> {
  if (Object.keys(options).length === 0) {
    throw new UsageError('there is nothing to change; see: queuepass client set --help');
  }
  const api = new ApiClient(findConnection(command));
  // The server replaces a map as a whole, so its existing entries must be sent too.
  const body = presentPermissions(options, await getClient(api, id));
  await api.send('PUT', pathOf`/v1/client-permissions/${id}`, { body });
  printClient(command, await getClient(api, id));
}

async function setDisabled(id: string, disabled: boolean, command: Command): Promise<void> {
  const api = new ApiClient(findConnection(command));
  // The server would create a client that does not exist.
  await getClient(api, id);
  await api.send('PUT', pathOf`/v1/client-permissions/${id}`, { body: { disabled } });
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson({ client_id: id, disabled });
  print(
    disabled
      ? `Disabled the client ${id}; its existing access tokens are valid for at most ten more minutes`
      : `Enabled the client ${id}; its keys and refresh tokens work again`,
  );
}

async function removeClient(id: string, options: GlobalOptions, command: Command): Promise<void> {
  const api = new ApiClient(findConnection(command));
  await api
    .send('DELETE', pathOf`/v1/client-permissions/${id}`)
    .catch(adviseOn(404, presentUnknownClient(id)));
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson({ client_id: id, removed: true });
  print(`Removed the client ${id}; its existing access tokens are valid for at most ten more minutes`);
}

function printClient(command: Command, client: ShownClient): void {
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson(client);
  printFields({ ...presentClient(client), ...(client.disabled && { state: 'disabled' }) });
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
