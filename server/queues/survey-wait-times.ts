import { nothingFound, type Survey } from '../core/adoption.js';

/** Queues of an existing database that hold more wait times than this server keeps. */
export const surveyWaitTimes: Survey = async (db) => {
  const long = await db
    .collection('queue_wait_times')
    .countDocuments({ 'wait_times.1000': { $exists: true } });
  if (long === 0) return nothingFound;
  return {
    ...nothingFound,
    changes: [`${long} queues keep their newest 1,000 samples from their next claim on`],
  };
};
