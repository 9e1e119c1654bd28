import { nothingFound, type Survey } from '../core/adoption.js';

/** Reports queues of an existing database that have more wait times than this server keeps. */
export const surveyWaitTimes: Survey = async (db) => {
  const long = await db
    .collection('queue_wait_times')
    .countDocuments({ 'wait_times.1000': { $exists: true } });
  if (long === 0) return nothingFound;
  return {
    ...nothingFound,
    changes: [`${long} queues will keep only their newest 1,000 wait times from their next claim on`],
  };
};
