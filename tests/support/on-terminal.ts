import { fileURLToPath } from 'node:url';

/** Returns the command that runs a command on its own terminal, and types what arrives on standard input. */
export function onTerminal(command: readonly string[]): string[] {
  return ['python3', fileURLToPath(new URL('./on-terminal.py', import.meta.url)), ...command];
}
