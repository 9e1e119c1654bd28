import { type Command, InvalidArgumentError, Option } from 'commander';
import { roles } from '../auth/roles.js';
import { ApiClient, pathOf } from './api-client.js';
import { adviseOn, CliError, RefusedError, UsageError } from './cli-error.js';
import { findConnection, type GlobalOptions } from './find-connection.js';
import { announceKey } from './key-commands.js';
import { print, printJson } from './print.js';
import { printFields, printTable } from './print-table.js';
import {
  type Limits,
  mergeLimits,
  presentDuration,
  presentLimits,
  readPriority,
  readReservation,
} from './read-limits.js';

/** A client as the server shows it. */
export interface ShownClient {
  client_id: string;
  role: string;
  max_priority: Limits;
  max_reservation_time: Limits;
  allowed_queues: string[];
  email?: string;
}

interface ClientOptions extends GlobalOptions {
  role?: string;
  maxPriority?: Limits;
  maxReservation?: Limits;
  email?: string;
  label?: string;
}

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

function withPermissions(command: Command): Command {
  return command
    .addOption(new Option('--role <role>', 'what it may do; a new client is a contributor').choices(roles))
    .option(
      '--max-priority <queue=n>',
      "highest priority of its jobs on a queue, '*' for all; 0 takes the entry away; may be repeated",
      readPriority,
    )
    .option(
      '--max-reservation <queue=duration>',
      "longest reservation on a queue, seconds or like 8h, '*' for all; 0 takes the entry away; may be repeated",
      readReservation,
    )
    .option('--email <address>', 'where its people are reached', (text: string) => {
      if (!text.includes('@')) throw new InvalidArgumentError('It is an e-mail address.');
      return text;
    });
}

async function addClient(id: string, options: ClientOptions, command: Command): Promise<void> {
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

async function getClient(api: ApiClient, id: string): Promise<ShownClient> {
  const found = await findClient(api, id);
  if (found === undefined) throw new CliError(presentUnknown(id));
  return found;
}

function presentUnknown(id: string): string {
  return `there is no client ${id}: see \`queuepass client list\`, or make it with \`queuepass client add\``;
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

async function setClient(id: string, options: ClientOptions, command: Command): Promise<void> {
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

function presentPermissions(
  { role, maxPriority, maxReservation, email }: ClientOptions,
  stored: Pick<ShownClient, 'max_priority' | 'max_reservation_time'>,
): object {
  return {
    ...(role !== undefined && { role }),
    ...(maxPriority && { max_priority: mergeLimits(stored.max_priority, maxPriority) }),
    ...(maxReservation && {
      max_reservation_time: mergeLimits(stored.max_reservation_time, maxReservation),
    }),
    ...(email !== undefined && { email }),
  };
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
