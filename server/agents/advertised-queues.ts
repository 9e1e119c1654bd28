import type { QueueServices } from '../queues/services.js';
import { bulkUpsert, liveWhenNew } from '../db/bulk-upsert.js';
import { anyMap, type JsonMap, mapOf, text } from '../schema/schema.js';

/** Queues that an agent serves, each with a description. */
export const queuesInput = mapOf(text());

/** Images that an agent can provision, by queue and by name. */
export const imagesInput = mapOf(anyMap());

/** Stores the descriptions of queues; each is advertised for a week from now. */
export async function advertiseQueues(
  { collections }: Pick<QueueServices, 'collections'>,
  queues: Record<string, string>,
): Promise<void> {
  const operations = Object.entries(queues).map(([name, description]) => ({
    updateOne: {
      filter: { name },
      update: {
        $set: { description },
        $setOnInsert: { live: true as const },
        $currentDate: { updated_at: true as const },
      },
      upsert: true,
    },
  }));
  await bulkUpsert(collections.queues, operations);
}

/** Stores the images of queues in place of those that each had. */
export async function advertiseImages(
  { collections }: Pick<QueueServices, 'collections'>,
  images: Record<string, JsonMap>,
): Promise<void> {
  const operations = Object.entries(images).map(([name, ofQueue]) => ({
    updateOne: {
      filter: { name },
      // As a literal in a pipeline, since names of images may hold dots and begin with dollars.
      update: [{ $set: { live: liveWhenNew, images: { $literal: ofQueue }, updated_at: '$$NOW' } }],
      upsert: true,
    },
  }));
  await bulkUpsert(collections.queues, operations);
}

/** Every queue that agents advertise, with its description, which is empty where only its images were told. */
export async function readAdvertisedQueues({
  collections,
}: Pick<QueueServices, 'collections'>): Promise<Record<string, string>> {
  const queues = collections.queues.find({}, { projection: { _id: 0, name: 1, description: 1 } });
  const entries: [string, string][] = [];
  for await (const { name, description } of queues.sort({ name: 1 })) entries.push([name, description ?? '']);
  return Object.fromEntries(entries);
}

/** The images of a queue by name; none when nobody told any. */
export async function readImages(
  { collections }: Pick<QueueServices, 'collections'>,
  queue: string,
): Promise<JsonMap> {
  const found = await collections.queues.findOne(
    { name: queue, images: { $exists: true } },
    { projection: { _id: 0, images: 1 } },
  );
  return found?.images ?? {};
}
