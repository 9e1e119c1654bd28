import { type Command, InvalidArgumentError, Option } from 'commander';
import { roles } from '../principal/roles.js';
import type { ShownClient } from './find-client.js';
import { type Limits, mergeLimits, readPriority, readReservation } from './read-limits.js';

/** What a command was told of a client's permissions. */
export interface PermissionOptions {
  role?: string;
  maxPriority?: Limits;
  maxReservation?: Limits;
  email?: string;
}

/** Adds the options that tell a client's permissions to a command. */
export function withPermissions(command: Command): Command {
  return command
    .addOption(new Option('--role <role>', 'what it may do; a new client is a contributor').choices(roles))
    .option(
      '--max-priority <queue=n>',
      "highest priority of its jobs on a queue, '*' for all; 0 takes the entry away; may be repeated",
      readPriority,
    )
    .option(
      '--max-reservation <queue=duration>',
      "longest reservation on a queue, seconds or like 8h, '*' for all; 0 takes the entry away; may be repeated",
      readReservation,
    )
    .option('--email <address>', 'where its people are reached', (text: string) => {
      if (!text.includes('@')) throw new InvalidArgumentError('It is an e-mail address.');
      return text;
    });
}

/** The body of a request that puts the options into the permissions there are. */
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
