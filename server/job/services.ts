import type { Filter } from 'mongodb';
import type { JobCollections } from './collections.js';
import type { HeldJob } from './held-job.js';
import type { JobRecord } from './job-record.js';

/** What jobs add to the dependencies of functions. */
export interface JobServices {
  collections: JobCollections;
  /** Stores a job, together with others of the same moment. @param bytes about its size */
  insertJob(job: JobRecord, bytes?: number): Promise<void>;
  /** The job of an id as its leases, logs and masks need it, read together with others of the same moment. */
  findHeldJob(jobId: string): Promise<HeldJob | undefined>;
  /** Counts jobs, one count at a time. */
  countJobs(filter: Filter<JobRecord>): Promise<number>;
}
