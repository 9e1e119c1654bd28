import type { Db } from 'mongodb';

/** What a survey tells of one collection. */
export interface Finding {
  collection: string;
  documents: number;
  /** What `queuepass migrate` would do. */
  changes: string[];
  /** What cannot be read or served, and why. */
  problems: string[];
  /** What an operator would want to know besides. */
  notes: string[];
}

/** Looks at one collection; nothing is written. */
export type Survey = (db: Db) => Promise<Omit<Finding, 'collection' | 'documents'>>;
