import { createInterface } from 'node:readline/promises';
import { CliError } from './cli-error.js';

/**
 * Asks the person at the terminal to confirm a change. Without a terminal nobody can be asked, and the change is made.
 * @throws CliError for any answer but yes
 */
export async function confirm(question: string): Promise<void> {
  if (!process.stdin.isTTY) return;
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  // Ctrl-D closes the input without an answer.
  const closed = new Promise<string>((done) => lines.once('close', () => done('')));
  const answer = await Promise.race([lines.question(`${question} [y/N] `), closed]);
  lines.close();
  if (!/^\s*y(es)?\s*$/i.test(answer)) throw new CliError('nothing was changed');
}
