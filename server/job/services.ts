import type { Filter } from 'mongodb';
import type { JobCollections } from './collections.js';
import type { HeldJob } from './held-job.js';
import type { JobRecord } from './job-record.js';

/** What jobs add to the dependencies of functions. */
export interface JobServices {
  collections: JobCollections;
  /** Stores a job, in one batch with other jobs of the same moment. @param bytes its approximate size */
  insertJob(job: JobRecord, bytes?: number): Promise<void>;
  /**
   * Returns the job with an id as leases, logs and masks need it, read in one batch with other jobs of the same moment.
   */
  findHeldJob(jobId: string): Promise<HeldJob | undefined>;
  /** Counts jobs, one count at a time. */
  countJobs(filter: Filter<JobRecord>): Promise<number>;
}
