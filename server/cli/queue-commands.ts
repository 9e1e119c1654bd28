import type { Command } from 'commander';
import { ApiClient, pathOf } from './api-client.js';
import { adviseOn, RefusedError } from './cli-error.js';
import { findConnection, type GlobalOptions } from './find-connection.js';
import { print, printJson } from './print.js';
import { printTable } from './print-table.js';

interface ShownQueue {
  queue: string;
  owners: string[];
}

/** Adds `restrict|release|list` to the `queue` command. */
export function addQueueCommands(queue: Command): void {
  queue
    .command('restrict <queue>')
    .description('add an owner to a queue, which then accepts jobs only from its owners')
    .requiredOption('--owner <client>', 'the client to add')
    .action(restrictQueue);
  queue
    .command('release <queue>')
    .description('remove an owner of a queue; without owners, any client can use it')
    .requiredOption('--owner <client>', 'the client to remove')
    .action(releaseQueue);
  queue.command('list').description('list the restricted queues with their owners').action(listQueues);
}

async function restrictQueue(queue: string, { owner }: { owner: string }, command: Command): Promise<void> {
  const api = new ApiClient(findConnection(command));
  await api
    .send('POST', pathOf`/v1/restricted-queues/${queue}`, { body: { client_id: owner } })
    .catch(
      adviseOn(
        404,
        `(the client ${owner} must exist, see \`queuepass client list\`, and an agent must serve the queue ${queue})`,
      ),
    );
  await printOwners(api, queue, command);
}

async function releaseQueue(queue: string, { owner }: { owner: string }, command: Command): Promise<void> {
  const api = new ApiClient(findConnection(command));
  await api
    .send('DELETE', pathOf`/v1/restricted-queues/${queue}`, { body: { client_id: owner } })
    .catch(adviseOn(404, `(list the owners with \`queuepass queue list\`)`));
  await printOwners(api, queue, command);
}

async function printOwners(api: ApiClient, queue: string, command: Command): Promise<void> {
  const owners = await findOwners(api, queue);
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson({ queue, owners });
  print(
    owners.length === 0
      ? `The queue ${queue} accepts jobs from any client`
      : `The queue ${queue} accepts jobs only from: ${owners.join(', ')}`,
  );
}

async function findOwners(api: ApiClient, queue: string): Promise<string[]> {
  try {
    const { owners } = await api.getFields(['owners'], 'GET', pathOf`/v1/restricted-queues/${queue}`);
    return owners as string[];
  } catch (error) {
    if (error instanceof RefusedError && error.status === 404) return [];
    throw error;
  }
}

async function listQueues(options: GlobalOptions, command: Command): Promise<void> {
  const queues = await new ApiClient(findConnection(command)).getList<ShownQueue>('/v1/restricted-queues');
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson(queues);
  printTable(
    ['QUEUE', 'OWNERS'],
    queues.map(({ queue, owners }) => [queue, owners.join(' ')]),
  );
}
