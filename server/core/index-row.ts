import type { CreateIndexesOptions } from 'mongodb';

/** One index: its keys, its options, and the query that needs it. TTLs (`expireAfterSeconds`) are in seconds. */
export interface IndexRow<Collections extends string = string> {
  /** The name that code uses for the collection. */
  collection: Collections;
  /**
   * Begins with `qp_`, so that it never conflicts with an index that a Testflinger server made in the same database.
   */
  name: string;
  keys: Record<string, 1 | -1>;
  options?: Pick<CreateIndexesOptions, 'unique' | 'partialFilterExpression' | 'expireAfterSeconds'>;
  /** The query that uses the index, or why it removes documents. */
  serves: string;
  /**
   * Names of `qp_` indexes that are dropped once this one exists and the documents of an existing database are adopted.
   */
  replaces?: readonly string[];
}

/** Seconds in a day, for TTLs. */
export const daySeconds = 24 * 60 * 60;

/**
 * Returns the indexes of a collection whose records have a name: one to find a record by its name, and one that keeps
 * names unique among the records that Queuepass makes. Older duplicates stay.
 */
export function nameIndexes<C extends string>(collection: C, serves: string): IndexRow<C>[] {
  return [
    { collection, name: 'qp_name', keys: { name: 1 }, serves },
    {
      collection,
      name: 'qp_live_name',
      keys: { name: 1 },
      options: { unique: true, partialFilterExpression: { live: true } },
      serves: 'one record per name, even when two requests create it at the same time',
    },
  ];
}
