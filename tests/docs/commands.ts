import type { Command } from 'commander';
import { createProgram } from '../../server/cli/main.js';

/** Where the command is called: by `npx`, by its file, in a container, or by its name at the begin of a command. */
const calls =
  /(?:npx queuepass|node \S*queuepass\.mjs|exec queuepass queuepass|(?:^|[;|&(])\s*(?:[A-Z_]+=\S*\s+)*queuepass)(?=\s)/gm;

/** The words of each call of `queuepass` in a shell text, up to the end of that command. */
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
 * Has the command's own tree read a call, without running it: what it says against it, `undefined` when it takes it.
 * @param isMention whether it is only named, so that arguments, and the command of a group, may be missing
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

/** Nothing is run, printed or ended. */
function disarm(command: Command): void {
  command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  if (command.commands.length === 0) command.action(() => undefined);
  command.commands.forEach(disarm);
}
