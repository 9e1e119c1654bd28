import { Command } from 'commander';
import { UsageError } from './cli-error.js';

/** A command that throws a `UsageError`, which names its help, instead of ending the process on wrong usage. */
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

  /** Returns the full name of this command, such as `queuepass client add`. */
  presentPath(): string {
    return this.parent instanceof QueuepassCommand
      ? `${this.parent.presentPath()} ${this.name()}`
      : this.name();
  }
}
