import type { Command } from 'commander';
import { createProgram } from '../../server/cli/main.js';

/** The ways to call the command: with `npx`, by its file, in a container, or by its name at the start of a command. */
const calls =
  /(?:npx queuepass|node \S*queuepass\.mjs|exec queuepass queuepass|(?:^|[;|&(])\s*(?:[A-Z_]+=\S*\s+)*queuepass)(?=\s)/gm;

/** Lists the words of each `queuepass` call in a shell text, up to the end of that command. */
export function listCalls(shell: string): string[][] {
  const text = shell.replaceAll('\\\n', ' ');
  return [...text.matchAll(calls)].map(({ index, 0: call }) => readWords(text.slice(index + call.length)));
}

function readWords(text: string): string[] {
  const [command = ''] = /^(?:'[^']*'|"(?:[^"\\]|\\.)*"|[^'"|;&<>)\n])*/.exec(text) ?? [];
  const words = command.match(/(?:'[^']*'|"(?:[^"\\]|\\.)*"|[^\s'"])+/g) ?? [];
  return words.map((word) => word.replaceAll(/['"]/g, ''));
}

/**
 * Parses a call with the command's own parser, without running it. Returns its error, or `undefined` for a valid call.
 * @param isMention whether the text only names the command, so that arguments or a subcommand can be missing
 */
export async function findCallFault(
  words: readonly string[],
  isMention = false,
): Promise<string | undefined> {
  const program = createProgram();
  disarm(program);
  try {
    await program.parseAsync(words, { from: 'user' });
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    const isLeftOut = message === '(outputHelp)' || message.startsWith('missing required argument');
    return isMention && isLeftOut ? undefined : message;
  }
}

/** Prevents the parser from running actions, printing, and ending the process. */
function disarm(command: Command): void {
  command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  // A group without an action of its own must go on reporting that its subcommand is missing.
  if (command.commands.length === 0 || Reflect.get(command, '_actionHandler'))
    command.action(() => undefined);
  command.commands.forEach(disarm);
}
