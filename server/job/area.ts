import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import { insertBatch } from '../db/batched-writes.js';
import { createIndexHints } from '../db/index-hint.js';
import type { DatabaseServices } from '../db/services.js';
import { jobAdoption, jobIdAdoption, surveyJobs } from './adopt-jobs.js';
import { jobCollections, jobIndexes } from './collections.js';
import { jobErrors } from './errors.js';
import { findJobsBatch, findProjectedBatch } from './find-jobs-batch.js';
import { heldFields, heldFieldsWithResult } from './held-job.js';
import type { JobRecord } from './job-record.js';
import type { JobServices } from './services.js';

type Needs = Core & Pick<DatabaseServices, 'batching'> & Pick<JobServices, 'collections'>;

/** A job's record, states and id. */
export const jobArea: Area<JobServices, Needs> = {
  name: 'job',
  collections: jobCollections,
  indexes: jobIndexes,
  errors: jobErrors,
  surveys: { jobs: surveyJobs },
  adoption: [jobAdoption, jobIdAdoption],
  createServices: ({ collections: { jobs }, batching }) => ({
    insertJob: batching.batched<JobRecord, void>((records) => insertBatch(jobs, records)),
    findJobs: batching.batched(findProjectedBatch(jobs)),
    findHeldJobs: batching.batched(findJobsBatch(jobs, heldFields)),
    findHeldResults: batching.batched(findJobsBatch(jobs, heldFieldsWithResult)),
    jobHints: createIndexHints(jobs, jobIndexes, { jobId: 'qp_job_id' }),
    countJobs: batching.sharedCount(jobs),
  }),
  start({ jobHints }) {
    void jobHints.jobId.load();
  },
};
