import type { Lease } from '../job/job-record.js';

/**
 * The part of a filter that lets a write reach a job only while its lease is the one that was seen: the same holder, or
 * still none, and the same attempt, which is the fencing token. Every write that acts on a lease carries it.
 */
export function fenceLease(seen: Pick<Lease, 'holder' | 'attempt'> | undefined): object {
  return {
    'lease.holder': seen?.holder ?? { $exists: false },
    'lease.attempt': seen?.attempt ?? { $exists: false },
  };
}
