import type { Collection } from 'mongodb';

/** A periodic duty that a process has taken. */
export interface DutyLockRecord {
  /** Name of the duty. */
  _id: string;
  /** The process. */
  holder: string;
  /** When it was last taken or kept. */
  at: Date;
  /** When another process can take it. */
  until: Date;
}

/** The collections of what processes agree on. */
export interface PeriodicCollections {
  locks: Collection<DutyLockRecord>;
  /** When a process last showed that it can write; when leases were last swept. */
  serviceBeats: Collection<{ _id: string; at?: Date; last_sweep_at?: Date }>;
}

/** Their names in the database. */
export const periodicCollections = {
  locks: 'locks',
  serviceBeats: 'service_beats',
} satisfies Record<keyof PeriodicCollections, string>;
