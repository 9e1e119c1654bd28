import type { Document } from 'mongodb';
import { type Leased, leaseLength, readLeaseMs } from './lease-length.js';
import type { LeaseSettings } from './settings.js';

/** What distinguishes the holders of one kind, wherever leases treat holders differently. */
export interface HolderKind {
  /** Milliseconds of a lease from the holder's last sign of life, for a job that was read. */
  readLeaseMs(settings: LeaseSettings, job: Leased): number;
  /** The same as an expression, for a job that will be in `state`, which can be an expression too. */
  leaseLength(settings: LeaseSettings, state: unknown): Document | number;
  /** Headers of the response to a write about a job that the holder has lost. */
  lostWriteHeaders: Readonly<Record<string, string>>;
  /** A holder that lost its job gets it back with its next request about it, while nobody else has taken it. */
  mayReturn: boolean;
}

/** The kinds of holders. */
export const holderKinds = {
  /**
   * Stock agents: quiet for as long as a provision takes. A lost write is answered 200, since a stock agent would send a
   * refused result again for ever; only a header says that it was discarded (leases.md, section 4).
   */
  agent: {
    readLeaseMs,
    leaseLength,
    lostWriteHeaders: { 'Queuepass-Discarded': 'lease-lost' },
    mayReturn: true,
  },
} as const satisfies Record<string, HolderKind>;

/** The name of a kind of holder. */
export type HolderKindName = keyof typeof holderKinds;
