import { nothingFound, type Survey } from '../core/adoption.js';
import { containsLong } from '../schema/long.js';

/** Counts the queues with a 64-bit integer in their images: MongoDB cannot search all fields, so each is read. */
export const surveyQueues: Survey = async (db) => {
  let long = 0;
  const queues = db.collection('queues').find({}, { projection: { _id: 0, images: 1 } });
  for await (const queue of queues) long += containsLong(queue) ? 1 : 0;
  if (long === 0) return nothingFound;
  return {
    ...nothingFound,
    notes: [
      `${long} have images with integers of more than 53 bits, which are kept and returned with all their digits`,
    ],
  };
};
