import { type Command, InvalidArgumentError, Option } from 'commander';
import { roles } from '../principal/roles.js';
import type { ShownClient } from './find-client.js';
import { type Limits, mergeLimits, readPriority, readReservation } from './read-limits.js';

/** The parsed options of a command for a client's permissions. */
export interface PermissionOptions {
  role?: string;
  maxPriority?: Limits;
  maxReservation?: Limits;
  email?: string;
}

/** Adds the options for a client's permissions to a command. */
export function addPermissionOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--role <role>', 'the role of the client (default for a new client: contributor)').choices(
        roles,
      ),
    )
    .option(
      '--max-priority <queue=n>',
      "the maximum priority of its jobs on a queue, or on all queues with '*'; 0 removes the entry; can be repeated",
      readPriority,
    )
    .option(
      '--max-reservation <queue=duration>',
      "the maximum reservation time on a queue, or on all queues with '*', in seconds, or a duration like 8h; 0 removes the entry; can be repeated",
      readReservation,
    )
    .option('--email <address>', 'the contact e-mail address of the client', (text: string) => {
      if (!text.includes('@')) throw new InvalidArgumentError('It must be an e-mail address.');
      return text;
    });
}

/** Builds the body of a request that changes the stored permissions as the options say. */
export function presentPermissions(
  { role, maxPriority, maxReservation, email }: PermissionOptions,
  stored: Pick<ShownClient, 'max_priority' | 'max_reservation_time'>,
): object {
  return {
    ...(role !== undefined && { role }),
    ...(maxPriority && { max_priority: mergeLimits(stored.max_priority, maxPriority) }),
    ...(maxReservation && {
      max_reservation_time: mergeLimits(stored.max_reservation_time, maxReservation),
    }),
    ...(email !== undefined && { email }),
  };
}
