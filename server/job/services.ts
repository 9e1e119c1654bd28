import type { Filter, WithId } from 'mongodb';
import type { IndexHint } from '../db/index-hint.js';
import type { JobCollections } from './collections.js';
import type { JobRead } from './find-jobs-batch.js';
import type { HeldJob } from './held-job.js';
import type { JobRecord } from './job-record.js';

/** What jobs add to the dependencies of functions. */
export interface JobServices {
  collections: JobCollections;
  /** Stores a job, in one batch with other jobs of the same moment. @param bytes its approximate size */
  insertJob(job: JobRecord, bytes?: number): Promise<void>;
  /** Returns the documents of a job id, the newest first, read in one batch with other jobs of the same moment. */
  findJobs(read: JobRead): Promise<readonly WithId<JobRecord>[]>;
  /**
   * Returns the documents of a job id as leases, logs and masks need them, the newest first, read in one batch with other
   * jobs of the same moment. There is one, but for ids that a Testflinger server stored more than once.
   */
  findHeldJobs(jobId: string): Promise<readonly HeldJob[]>;
  /** The same, with the job's statuses and device. */
  findHeldResults(jobId: string): Promise<readonly HeldJob[]>;
  /** The hint of statements that find jobs by id, which MongoDB could answer with another index. */
  jobHints: { jobId: IndexHint };
  /** Counts jobs, one count at a time. */
  countJobs(filter: Filter<JobRecord>): Promise<number>;
}
