import type { Db } from 'mongodb';

/** What a survey found in one collection. */
export interface Finding {
  collection: string;
  documents: number;
  /** What `queuepass migrate` would do. */
  changes: string[];
  /** What cannot be read or served, and why. */
  problems: string[];
  /** Other facts for the operator. */
  notes: string[];
}

/** Inspects one collection without writing to it. */
export type Survey = (db: Db, collection: string) => Promise<Omit<Finding, 'collection' | 'documents'>>;

/** The finding for a collection that needs no attention. */
export const nothingFound: Omit<Finding, 'collection' | 'documents'> = {
  changes: [],
  problems: [],
  notes: [],
};

/**
 * One step that adds the fields that this server needs to the documents of an existing database. It can be interrupted
 * and run again.
 */
export interface AdoptionStep<Outcome = unknown> {
  /** Names the outcome in the output of `queuepass migrate --json`. */
  name: string;
  /**
   * After this step, a Testflinger server cannot use the database any more. Only `queuepass migrate --finish` runs it.
   */
  isFinal?: boolean;
  /** Printed before the step begins. */
  announcement?: string;
  /** @param report writes a line of progress */
  run(db: Db, report: (line: string) => void): Promise<Outcome>;
  /** Formats the outcome as one line for the operator. */
  present(outcome: Outcome): string;
  /** Returns whether the step changed documents. */
  hasChanged(outcome: Outcome): boolean;
}
