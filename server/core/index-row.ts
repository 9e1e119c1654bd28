import type { CreateIndexesOptions } from 'mongodb';

/** One index: its keys, its options, and the query that needs it. TTLs (`expireAfterSeconds`) are in seconds. */
export interface IndexRow<Collections extends string = string> {
  /** The collection, by the name that code uses. */
  collection: Collections;
  /** Begins with `qp_`, so that it never clashes with an index of a Testflinger server on the same database. */
  name: string;
  keys: Record<string, 1 | -1>;
  options?: Pick<CreateIndexesOptions, 'unique' | 'partialFilterExpression' | 'expireAfterSeconds'>;
  /** The query that it serves, or why documents are removed by it. */
  serves: string;
  /** Names of `qp_` indexes that are dropped once this one stands and the documents of an existing database are adopted. */
  replaces?: readonly string[];
}

/** Seconds of a day, for TTLs. */
export const daySeconds = 24 * 60 * 60;

/** The indexes of records with a name: found by it, and one record per name among those that servers like this one make; older duplicates stay. */
export function nameIndexes<C extends string>(collection: C, serves: string): IndexRow<C>[] {
  return [
    { collection, name: 'qp_name', keys: { name: 1 }, serves },
    {
      collection,
      name: 'qp_live_name',
      keys: { name: 1 },
      options: { unique: true, partialFilterExpression: { live: true } },
      serves: 'one record per name, also when two requests make it at once',
    },
  ];
}
