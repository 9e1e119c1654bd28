import type { Document, WithId } from 'mongodb';
import type { JobRecord } from './job-record.js';
import { newestFirst } from './newest-first.js';
import type { JobServices } from './services.js';

/**
 * Returns the job with an id, or `undefined`. If an older database holds duplicates of the id, returns the newest one.
 * @param jobId in canonical form
 * @param projection the fields to read; all of them by default
 */
export async function findJob<Found extends Partial<JobRecord> = JobRecord>(
  { collections }: Pick<JobServices, 'collections'>,
  jobId: string,
  projection?: Document,
): Promise<WithId<Found> | undefined> {
  const job = await collections.jobs.findOne<WithId<Found>>(
    { job_id: jobId },
    { sort: { created_at: -1 }, ...(projection && { projection }) },
  );
  return job ?? undefined;
}

/** Returns all documents of a job id, the newest first. @param projection must contain `created_at` */
export async function findJobs<Found extends Pick<JobRecord, 'created_at'>>(
  { collections }: Pick<JobServices, 'collections'>,
  jobId: string,
  projection: Document,
): Promise<readonly WithId<Found>[]> {
  return newestFirst(await collections.jobs.find<WithId<Found>>({ job_id: jobId }, { projection }).toArray());
}
