import { type Command, CommanderError } from 'commander';
import { ConfigError } from '../config/config-error.js';
import { StartError } from '../errors/start-error.js';
import { addAdminCommands } from './admin-commands.js';
import { addAgentCommands } from './agent-commands.js';
import { addAuditCommand } from './audit-command.js';
import { CliError } from './cli-error.js';
import { addClientCommands } from './client-commands.js';
import { addJobCommands } from './job-commands.js';
import { addKeyCommands } from './key-commands.js';
import { addMigrationCommands } from './migration-commands.js';
import { presentSafely, printToStderr } from './print.js';
import { addQueueCommands } from './queue-commands.js';
import { QueuepassCommand } from './queuepass-command.js';
import { addSecretsCommands } from './secrets-commands.js';
import { addSessionCommands } from './session-commands.js';
import { addTokenCommand } from './token-command.js';

const environmentHelp = `
By default, a command uses the server of the data directory (.queuepass, or QUEUEPASS_DATA_DIR) and acts as its client
testflinger-admin. To choose another server or client, use the options, or set QUEUEPASS_SERVER, QUEUEPASS_CLIENT_ID,
and QUEUEPASS_CLIENT_KEY_FILE or QUEUEPASS_CLIENT_KEY. The exit status is 0 on success, 1 on failure, and 2 when the
command was called with wrong arguments.`;

/** Creates the `queuepass` program with all its commands. It reads and runs nothing until its arguments are parsed. */
export function createProgram(): Command {
  const program = new QueuepassCommand('queuepass')
    .description('A job server for labs of devices and runners.')
    .option('--server <url>', 'the server: http://host:port, https://host or unix:/path/of.sock')
    .option('--client-id <id>', 'the client that the command acts as')
    .option('--client-key-file <file>', 'the file that holds its key; - for standard input')
    .option('--json', 'write the result as JSON')
    .addHelpText('after', environmentHelp)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();
  // Only `serve` loads the server, because its modules take longer to load than other commands take to run.
  program
    .command('serve')
    .description('start the server; environment variables configure it')
    .option('--workers <n>', 'the number of processes that serve requests; overrides WORKERS')
    .action(async ({ workers }: { workers?: string }) => {
      // Worker processes read their settings from the environment too.
      if (workers !== undefined) process.env.WORKERS = workers;
      await (await import('../main.js')).serve();
    });
  const client = program.command('client').description('clients, their permissions and their keys');
  addClientCommands(client);
  addKeyCommands(client.command('key').description('the keys of a client'));
  addAgentCommands(program.command('agent').description('agents of the lab'));
  addQueueCommands(
    program.command('queue').description('restricted queues, which accept jobs only from their owners'),
  );
  addJobCommands(program.command('job').description('jobs, their holders and their attempts'));
  addTokenCommand(program);
  addSessionCommands(program.command('session').description('the sessions of people who are signed in'));
  addSecretsCommands(program.command('secrets').description('the master key of stored secrets'));
  addAdminCommands(program.command('admin').description('the key of the built-in admin client'));
  addAuditCommand(program);
  addMigrationCommands(program);
  return program;
}

/** Runs the `queuepass` command with the arguments of this process, and sets the exit status. */
export async function main(): Promise<void> {
  // The reader of a pipe, such as `head`, may close it before the end.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  try {
    await createProgram().parseAsync();
  } catch (error) {
    process.exitCode = presentFailure(error as Error);
  }
}

/** Prints each problem on its own line, and returns the exit status. */
function presentFailure(error: Error): number {
  // Commander has printed the help already, on request or because the command needs a subcommand.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const lines = error instanceof ConfigError ? error.problems : [error.message];
  for (const line of lines) {
    const text = error instanceof StartError ? line : presentSafely(line);
    printToStderr(`queuepass: ${text}`);
  }
  return error instanceof CliError ? error.exitCode : 1;
}
