import type { Collection, Document, Filter, FindOptions } from 'mongodb';

/**
 * Makes of point reads by one field one query: `run` of a batcher. A document that several ask for is given to each of
 * them, and never to be changed.
 * @param options.sort which of several documents of one value is the one
 */
export function findBatch<T extends Document, Found extends Document = T>(
  collection: Collection<T>,
  field: keyof T & string,
  options: Pick<FindOptions, 'projection' | 'sort'> = {},
): (values: readonly string[]) => Promise<readonly (Found | undefined)[]> {
  const find = (condition: unknown, wanted: FindOptions) =>
    collection.find<Found>({ [field]: condition } as Filter<T>, { ...options, ...wanted }).toArray();
  return async (values) => {
    const distinct = [...new Set(values)];
    if (distinct.length === 1) {
      const [found] = await find(distinct[0], { limit: 1 });
      return values.map(() => found);
    }
    // In one answer, also where an older database holds some doubles.
    const documents = await find({ $in: distinct }, { batchSize: 2 * distinct.length });
    const found = new Map<unknown, Found>();
    for (const document of documents.reverse()) found.set(document[field], document);
    return values.map((value) => found.get(value));
  };
}
