import type { Document, WithId } from 'mongodb';
import type { JobRecord } from './job-record.js';
import type { JobServices } from './services.js';

/**
 * The job of an id in canonical form, or `undefined`; the newest one where an older database holds duplicates.
 * @param projection the fields that are read; all of them when not given
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
