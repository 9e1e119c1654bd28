import type { Collection } from 'mongodb';

/** The lock of a periodic duty. */
export interface DutyLockRecord {
  /** Name of the duty. */
  _id: string;
  /** The id of the process that holds the lock. */
  holder: string;
  /** When the lock was last taken or renewed. */
  at: Date;
  /** When the lock expires and another process can take it. */
  until: Date;
}

/** The collections that processes use to coordinate. */
export interface PeriodicCollections {
  locks: Collection<DutyLockRecord>;
  /** When a process last proved that it can write (`at`), and when leases were last swept (`last_sweep_at`). */
  serviceBeats: Collection<{ _id: string; at?: Date; last_sweep_at?: Date }>;
}

/** Their names in the database. */
export const periodicCollections = {
  locks: 'locks',
  serviceBeats: 'service_beats',
} satisfies Record<keyof PeriodicCollections, string>;
