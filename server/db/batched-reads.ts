import type { Collection, Document, Filter, FindOptions } from 'mongodb';

/**
 * Makes a batcher's `run` that finds one document by one field for each value, with one query for all values. Callers
 * that ask for the same value get the same object and must not change it.
 */
export function findBatch<T extends Document, Found extends Document = T>(
  collection: Collection<T>,
  field: keyof T & string,
  options: Pick<FindOptions, 'projection'> = {},
): (values: readonly string[]) => Promise<readonly (Found | undefined)[]> {
  const findAll = findAllBatch<T, Found>(collection, field, options);
  return async (values) => (await findAll(values)).map(([found]) => found);
}

/**
 * The same for a field of which several documents can have one value: each caller gets all of them, in no order. There is no
 * sort: MongoDB could then answer the query with an index of the sorted field, and read the whole collection.
 */
export function findAllBatch<T extends Document, Found extends Document = T>(
  collection: Collection<T>,
  field: keyof T & string,
  options: Pick<FindOptions, 'projection'> = {},
): (values: readonly string[]) => Promise<readonly (readonly Found[])[]> {
  return async (values) => {
    const distinct = [...new Set(values)];
    const condition = distinct.length === 1 ? distinct[0] : { $in: distinct };
    const documents = await collection
      .find<Found>({ [field]: condition } as Filter<T>, {
        ...options,
        // The response then fits into one batch, even if an older database has some duplicates.
        batchSize: 2 * distinct.length,
      })
      .toArray();
    if (distinct.length === 1) return values.map(() => documents);
    const found = new Map<unknown, Found[]>();
    for (const document of documents) {
      const others = found.get(document[field]);
      if (others === undefined) found.set(document[field], [document]);
      else others.push(document);
    }
    return values.map((value) => found.get(value) ?? []);
  };
}
