import type { Collection, Document, Filter, FindOptions } from 'mongodb';

/**
 * Makes a batcher's `run` that finds one document by one field for each value, with one query for all values. Callers
 * that ask for the same value get the same object and must not change it.
 * @param options.sort decides which document is returned if several have the value: the first
 */
export function findBatch<T extends Document, Found extends Document = T>(
  collection: Collection<T>,
  field: keyof T & string,
  options: Pick<FindOptions, 'projection' | 'sort'> = {},
): (values: readonly string[]) => Promise<readonly (Found | undefined)[]> {
  const find = (condition: unknown, limits: FindOptions) =>
    collection.find<Found>({ [field]: condition } as Filter<T>, { ...options, ...limits }).toArray();
  return async (values) => {
    const distinct = [...new Set(values)];
    if (distinct.length === 1) {
      const [found] = await find(distinct[0], { limit: 1 });
      return values.map(() => found);
    }
    // The response then fits into one batch, even if an older database has some duplicates.
    const documents = await find({ $in: distinct }, { batchSize: 2 * distinct.length });
    const found = new Map<unknown, Found>();
    for (const document of documents.reverse()) found.set(document[field], document);
    return values.map((value) => found.get(value));
  };
}
