import type { Command } from 'commander';
import { createProgram } from '../../server/cli/main.js';
import { presentOrigin, presentTable } from './markdown.js';

/** The page of the `queuepass` command. */
export function presentCliPage(): string {
  const program = createProgram();
  const sections = listCommands(program, '').map(presentCommand);
  return `${presentOrigin('server/cli/')}
# The queuepass command

${presentTable(['option of every command', 'meaning'], presentOptions(program))}

The server is the one of the data folder (\`.queuepass\`, or \`QUEUEPASS_DATA_DIR\`) and its client \`testflinger-admin\`,
unless options or the environment name others: \`QUEUEPASS_SERVER\`, \`QUEUEPASS_CLIENT_ID\`, and \`QUEUEPASS_CLIENT_KEY_FILE\`
or \`QUEUEPASS_CLIENT_KEY\`. A command ends with status 0, with 1 on failure, and with 2 when it was called wrongly.

${sections.join('\n\n')}
`;
}

interface Listed {
  name: string;
  command: Command;
}

/** The commands that do something, with the words that lead to them. */
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
  const head = `## queuepass ${[name, ...places].join(' ')}\n\n${command.description()}.`;
  const options = presentOptions(command);
  return options.length === 0 ? head : `${head}\n\n${presentTable(['option', 'meaning'], options)}`;
}

function presentOptions(command: Command): string[][] {
  return command.options.map((option) => [`\`${option.flags}\``, option.description]);
}
