import { Command } from 'commander';
import { UsageError } from './cli-error.js';

/** A command whose wrong usage is a `UsageError` that names its help, instead of an exit of the process. */
export class QueuepassCommand extends Command {
  override createCommand(name?: string): QueuepassCommand {
    return new QueuepassCommand(name);
  }

  override error(message: string): never {
    const reason = message
      .replace(/^error: /, '')
      .replaceAll(/\s*\n\s*/g, ' ')
      .replace(/\.$/, '');
    throw new UsageError(`${reason}; see: ${this.presentPath()} --help`);
  }

  /** What is typed for this command: `queuepass client add`. */
  presentPath(): string {
    return this.parent instanceof QueuepassCommand
      ? `${this.parent.presentPath()} ${this.name()}`
      : this.name();
  }
}
