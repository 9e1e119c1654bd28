import { randomBytes } from 'node:crypto';
import type { UpdateFilter } from 'mongodb';
import type { AgentRecord } from '../leases/collections.js';

/** Returns a function that makes marks of writes, which are unique over all processes. */
export function createWriteMarker(): () => string {
  const prefix = randomBytes(9).toString('base64url');
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}.${count.toString(36)}`;
  };
}

/**
 * Adds the mark and the next revision to an update of an agent's record. Every write that changes what the API shows needs
 * both: the memory of each process relies on them.
 */
export function addMark(update: UpdateFilter<AgentRecord>, mark: string): UpdateFilter<AgentRecord> {
  return {
    ...update,
    $set: { ...update.$set, write_mark: mark },
    $inc: { revision: 1 },
  } as UpdateFilter<AgentRecord>;
}
