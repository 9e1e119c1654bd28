import { Command } from 'commander';
import { serve } from '../main.js';

/** Runs the `queuepass` command with the arguments of this process. */
export async function main(): Promise<void> {
  const program = new Command('queuepass').description('Job server for labs of devices and runners.');
  program.command('serve').description('start the server').action(serve);
  await program.parseAsync();
}
