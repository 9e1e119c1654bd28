import type { Command } from 'commander';
import { createProgram } from '../../server/cli/main.js';
import { presentOrigin, presentTable } from './markdown.js';

/** Returns the page of the `queuepass` command. */
export function presentCliPage(): string {
  const program = createProgram();
  const sections = listCommands(program, '').map(presentCommand);
  return `${presentOrigin('server/cli/')}
# The queuepass command

Start the server, and administer clients, agents, queues, jobs and keys. Every command takes these options:

${presentTable(['option', 'meaning'], presentOptions(program))}

By default, a command uses the server of the data directory (\`.queuepass\`, or \`QUEUEPASS_DATA_DIR\`) and acts as its client
\`testflinger-admin\`. To choose another server or client, use the options above, or set \`QUEUEPASS_SERVER\`,
\`QUEUEPASS_CLIENT_ID\`, and \`QUEUEPASS_CLIENT_KEY_FILE\` or \`QUEUEPASS_CLIENT_KEY\` in the environment.

The exit status of a command is 0 on success, 1 on failure, and 2 when it was called with wrong arguments.

${sections.join('\n\n')}
`;
}

interface Listed {
  name: string;
  command: Command;
}

/** Returns the commands without subcommands, each with its full name. */
function listCommands(parent: Command, words: string): Listed[] {
  return parent.commands.flatMap((command) => {
    const name = `${words} ${command.name()}`.trim();
    return command.commands.length > 0 ? listCommands(command, name) : [{ name, command }];
  });
}

function presentCommand({ name, command }: Listed): string {
  const places = command.registeredArguments.map((place) =>
    place.required ? `<${place.name()}>` : `[${place.name()}]`,
  );
  const head = `## queuepass ${[name, ...places].join(' ')}\n\n${capitalize(command.description())}.`;
  const options = presentOptions(command);
  return options.length === 0 ? head : `${head}\n\n${presentTable(['option', 'meaning'], options)}`;
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function presentOptions(command: Command): string[][] {
  return command.options.map((option) => [`\`${option.flags}\``, option.description]);
}
