import { type Command, CommanderError } from 'commander';
import { ConfigError } from '../config/config-error.js';
import { StartError } from '../errors/start-error.js';
import { addAdminCommands } from './admin-commands.js';
import { addAgentCommands } from './agent-commands.js';
import { CliError } from './cli-error.js';
import { addClientCommands } from './client-commands.js';
import { addJobCommands } from './job-commands.js';
import { addKeyCommands } from './key-commands.js';
import { addMigrationCommands } from './migration-commands.js';
import { presentSafely, tell } from './print.js';
import { addQueueCommands } from './queue-commands.js';
import { addSecretsCommands } from './secrets-commands.js';
import { QueuepassCommand } from './queuepass-command.js';
import { addTokenCommand } from './token-command.js';

const environmentHelp = `
The server is the one of the data folder (.queuepass, or QUEUEPASS_DATA_DIR) and its client testflinger-admin, unless
options or the environment name others: QUEUEPASS_SERVER, QUEUEPASS_CLIENT_ID, and QUEUEPASS_CLIENT_KEY_FILE or
QUEUEPASS_CLIENT_KEY. A command ends with status 0, with 1 on failure, and with 2 when it was called wrongly.`;

/** The `queuepass` program with all its commands; nothing is read, and nothing runs before it is given arguments. */
export function createProgram(): Command {
  const program = new QueuepassCommand('queuepass')
    .description('Job server for labs of devices and runners.')
    .option('--server <url>', 'the server: http://host:port, https://host or unix:/path/of.sock')
    .option('--client-id <id>', 'the client that the command acts as')
    .option('--client-key-file <file>', 'the file that holds its key; - for standard input')
    .option('--json', 'write the result as JSON')
    .addHelpText('after', environmentHelp)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();
  // Loaded by this command alone: the database driver and the workers take longer to load than other commands run.
  program
    .command('serve')
    .description('start the server; its settings come from the environment')
    .option('--workers <n>', 'processes that serve on the one address; goes before WORKERS')
    .action(async ({ workers }: { workers?: string }) => {
      // Where workers read their settings too.
      if (workers !== undefined) process.env.WORKERS = workers;
      await (await import('../main.js')).serve();
    });
  const client = program.command('client').description('clients, what their passes allow, and their keys');
  addClientCommands(client);
  addKeyCommands(client.command('key').description('the keys of a client'));
  addAgentCommands(program.command('agent').description('agents of the lab'));
  addQueueCommands(program.command('queue').description('queues that take jobs from their owners only'));
  addJobCommands(program.command('job').description('jobs: who has them, and how often they were lost'));
  addTokenCommand(program);
  addSecretsCommands(program.command('secrets').description('the master key of stored secrets'));
  addAdminCommands(program.command('admin').description('the key of the built-in admin client'));
  addMigrationCommands(program);
  return program;
}

/** Runs the `queuepass` command with the arguments of this process, and sets its exit status. */
export async function main(): Promise<void> {
  // Whoever reads the result may have read enough, as `head` has.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  try {
    await createProgram().parseAsync();
  } catch (error) {
    process.exitCode = presentFailure(error as Error);
  }
}

/** Writes what went wrong, one line each, and gives the exit status. */
function presentFailure(error: Error): number {
  // Help that was asked for, or shown because a command group was named alone; it is written already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const lines = error instanceof ConfigError ? error.problems : [error.message];
  for (const line of lines) {
    const text = error instanceof StartError ? line : presentSafely(line);
    tell(`queuepass: ${text}`);
  }
  return error instanceof CliError ? error.exitCode : 1;
}
