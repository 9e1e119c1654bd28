import { z } from 'zod';
import { bulkUpsert, liveWhenNew } from '../db/bulk-upsert.js';
import type { QueueServices } from '../queues/services.js';
import { runFully } from '../schema/leaf.js';
import { anyMap, type JsonMap, mapOf, text, toJsonSchema } from '../schema/schema.js';

/** At least one character, line breaks included. */
const queueName = /^[\s\S]+$/;

/** A name that the Testflinger server can store too, which refuses dots and names that begin with `$`. */
const imageName = /^[^$.][^.]*$/;

const provisionText = text();
const provisionMap = anyMap();

/** How an image is provisioned: stock agents send text, such as `url: http://host/image`. */
const provisionData = z
  .unknown()
  .check((payload) => {
    const schema = typeof payload.value === 'string' ? provisionText : provisionMap;
    payload.issues.push(...runFully(schema, payload.value).issues);
  })
  .meta({ anyOf: [provisionText, provisionMap].map(toJsonSchema) });

/** Request body: descriptions of queues, by queue name. */
export const queuesInput = mapOf(text(), { keyPattern: queueName });

/** Request body: images that an agent can provision, by queue name and image name. */
export const imagesInput = mapOf(mapOf(provisionData, { keyPattern: imageName }), { keyPattern: queueName });

/** Stores the descriptions of queues. Each queue is advertised for 7 days. */
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

/** Stores the images of queues. They replace all earlier images of each queue. */
export async function advertiseImages(
  { collections }: Pick<QueueServices, 'collections'>,
  images: Record<string, JsonMap>,
): Promise<void> {
  const operations = Object.entries(images).map(([name, ofQueue]) => ({
    updateOne: {
      filter: { name },
      // A pipeline with a literal, because a text or a nested key may begin with `$`.
      update: [{ $set: { live: liveWhenNew, images: { $literal: ofQueue }, updated_at: '$$NOW' } }],
      upsert: true,
    },
  }));
  await bulkUpsert(collections.queues, operations);
}

/** Reads the descriptions of all advertised queues. A queue of which only images were reported has an empty one. */
export async function readAdvertisedQueues({
  collections,
}: Pick<QueueServices, 'collections'>): Promise<Record<string, string>> {
  const queues = collections.queues.find({}, { projection: { _id: 0, name: 1, description: 1 } });
  const entries: [string, string][] = [];
  for await (const { name, description } of queues.sort({ name: 1 })) entries.push([name, description ?? '']);
  return Object.fromEntries(entries);
}

/** Reads the images of a queue by name. Returns an empty map if no agent reported any. */
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
