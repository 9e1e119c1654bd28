import type { Db } from 'mongodb';

/** What a survey found in one collection. */
export interface Finding {
  collection: string;
  documents: number;
  /** What `queuepass migrate` would do. */
  changes: string[];
  /** What cannot be read or served, and why. */
  problems: string[];
  /** What else an operator would want to know. */
  notes: string[];
}

/** Looks at one collection; nothing is written. */
export type Survey = (db: Db, collection: string) => Promise<Omit<Finding, 'collection' | 'documents'>>;

/** What a survey of a collection finds that needs no attention. */
export const nothingFound: Omit<Finding, 'collection' | 'documents'> = {
  changes: [],
  problems: [],
  notes: [],
};

/** One step by which the documents of an existing database get the fields that this server needs. It can be interrupted and run again. */
export interface AdoptionStep<Outcome = unknown> {
  /** Names the outcome in the output of `queuepass migrate --json`. */
  name: string;
  /** After it a Testflinger server can no longer run on the database: only `queuepass migrate --finish` runs it. */
  isFinal?: boolean;
  /** Printed before it begins. */
  announcement?: string;
  /** @param report writes a line of progress */
  run(db: Db, report: (line: string) => void): Promise<Outcome>;
  /** The outcome as a line for the operator. */
  present(outcome: Outcome): string;
  /** Whether the outcome means that documents were changed. */
  hasChanged(outcome: Outcome): boolean;
}
