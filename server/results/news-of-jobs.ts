import type { Document, ObjectId } from 'mongodb';
import type { Logger } from 'pino';
import { ChangeTopic } from '../hub/change-topic.js';
import type { JobCollections } from '../job/collections.js';
import type { LogCollections } from '../logs/collections.js';

/** Requests of this process that wait for a job's state, and for pieces of its log. */
export interface NewsOfJobs {
  states: ChangeTopic<{ documentKey: { _id: ObjectId } }>;
  logs: ChangeTopic<{ job_id?: string }>;
}

/** The name of the changed field holds a dot, so that it is no path. */
const changedState: Document = {
  $getField: { field: { $literal: 'result_data.job_state' }, input: '$updateDescription.updatedFields' },
};

/** The streams are open only while somebody waits. */
export function createNewsOfJobs({ jobs, logs }: JobCollections & LogCollections, log: Logger): NewsOfJobs {
  return {
    states: new ChangeTopic({
      name: 'states of jobs',
      collection: jobs as never,
      pipeline: [
        {
          $match: {
            $or: [
              { operationType: { $in: ['replace', 'delete'] } },
              { operationType: 'update', $expr: { $ne: [{ $type: changedState }, 'missing'] } },
              { operationType: 'update', 'updateDescription.updatedFields.result_data': { $exists: true } },
            ],
          },
        },
        { $project: { documentKey: 1 } },
      ],
      log,
      keyOf: ({ documentKey }) => documentKey._id.toHexString(),
    }),
    logs: new ChangeTopic({
      name: 'pieces of logs',
      collection: logs as never,
      pipeline: [{ $match: { operationType: 'insert' } }, { $project: { job_id: '$fullDocument.job_id' } }],
      log,
      keyOf: ({ job_id: jobId }) => jobId ?? '',
    }),
  };
}
