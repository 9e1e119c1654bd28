import type { PeriodicServices } from '../periodic/services.js';

const beatName = 'readyz';

/** Writes one small document. @throws MongoError when MongoDB is unreachable or refuses writes (no primary, disk full) */
export async function checkDatabaseWritable({
  collections,
}: Pick<PeriodicServices, 'collections'>): Promise<void> {
  await collections.serviceBeats.updateOne(
    { _id: beatName },
    { $currentDate: { at: true } },
    { upsert: true },
  );
}
