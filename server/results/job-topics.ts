import type { Document, ObjectId } from 'mongodb';
import type { Logger } from 'pino';
import { ChangeTopic } from '../hub/change-topic.js';
import type { JobCollections } from '../job/collections.js';
import type { LogCollections } from '../logs/collections.js';

/** Topics that requests of this process wait on: the state of a job (by `_id`), and its log fragments (by `job_id`). */
export interface JobTopics {
  states: ChangeTopic<{ documentKey: { _id: ObjectId } }>;
  logs: ChangeTopic<{ job_id?: string }>;
}

/** Reads the updated field `result_data.job_state`. Its name contains a dot, so a path cannot select it. */
const changedState: Document = {
  $getField: { field: { $literal: 'result_data.job_state' }, input: '$updateDescription.updatedFields' },
};

/** Creates the topics. Their change streams are open only while requests wait. */
export function createJobTopics({ jobs, logs }: JobCollections & LogCollections, log: Logger): JobTopics {
  return {
    states: new ChangeTopic({
      name: 'job states',
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
      name: 'log fragments',
      collection: logs as never,
      pipeline: [{ $match: { operationType: 'insert' } }, { $project: { job_id: '$fullDocument.job_id' } }],
      log,
      keyOf: ({ job_id: jobId }) => jobId ?? '',
    }),
  };
}
