import { type Collection, type Document, type IndexDescriptionInfo, MongoServerError } from 'mongodb';
import type { IndexRow } from '../core/index-row.js';
import { isEquivalent, listIndexes } from './indexes.js';

/** For a statement about documents whose `_id` is known: MongoDB may otherwise look them up by another field of the filter. */
export const byId = { hint: asHint('_id_') } as const;

/** The hint of a statement; empty if the index does not exist. */
export type Hint = { hint?: Document };

/** MongoDB's error code for a hint that names no index (BadValue). */
const badValue = 2;

/**
 * Hints that make MongoDB answer statements with one index. MongoDB otherwise chooses by trial, and remembers the choice: a
 * choice that was made while a collection was small can read all of a large one.
 */
export class IndexHint {
  #name: Promise<string | undefined> | undefined;

  constructor(
    private readonly list: () => Promise<IndexDescriptionInfo[]>,
    private readonly row: Pick<IndexRow, 'keys' | 'options'>,
  ) {}

  /** Looks up the index's name in the live database, where another server or an operator may have named it. */
  async load(): Promise<Hint> {
    this.#name ??= this.#find();
    try {
      const name = await this.#name;
      if (name !== undefined) return { hint: asHint(name) };
    } catch {
      // MongoDB does not respond: the statement itself reports that.
    }
    this.#name = undefined;
    return {};
  }

  /** Runs a statement with the hint; without it if the index has been dropped since, as by a newer version. */
  async use<T>(run: (hint: Hint) => Promise<T>): Promise<T> {
    try {
      return await run(await this.load());
    } catch (error) {
      if (!isUnknownHint(error)) throw error;
      this.#name = undefined;
      return run({});
    }
  }

  async #find(): Promise<string | undefined> {
    const live = await this.list();
    return live.find((index) => isEquivalent(this.row as IndexRow, index))?.name;
  }
}

/** The driver sends the name of an index as it is, but the types of some of its functions allow only keys. */
function asHint(name: string): Document {
  return name as unknown as Document;
}

function isUnknownHint(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === badValue && /\bhint\b/.test(error.message);
}

/** Makes the hints of a collection's indexes. @param names the names of index rows, by the names that code uses */
export function createIndexHints<T extends Document, K extends string>(
  collection: Collection<T>,
  rows: readonly IndexRow[],
  names: Readonly<Record<K, string>>,
): Record<K, IndexHint> {
  const hints = Object.entries<string>(names).map(([key, name]) => {
    const row = rows.find((one) => one.name === name);
    if (row === undefined) throw new Error(`no index ${name}`);
    return [key, new IndexHint(() => listIndexes(collection), row)];
  });
  return Object.fromEntries(hints) as Record<K, IndexHint>;
}
