import type { Document, WithId } from 'mongodb';
import { idFields } from './job-id.js';
import type { JobRecord } from './job-record.js';
import { compareNewest, newestFirst } from './newest-first.js';
import type { JobServices } from './services.js';

type Dated = Pick<JobRecord, 'created_at'>;

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
  const projected = projection && { projection: { ...projection, created_at: 1 } };
  for (const field of idFields) {
    let newest: (WithId<Found> & WithId<Dated>) | undefined;
    // Without a sort, which MongoDB could answer with the index of `created_at`, through the whole collection.
    const found = collections.jobs.find<WithId<Found> & WithId<Dated>>({ [field]: jobId }, projected);
    for await (const job of found) if (newest === undefined || compareNewest(job, newest) < 0) newest = job;
    if (newest !== undefined) return newest;
  }
  return undefined;
}

/** Returns all documents of a job id, the newest first. @param projection must contain `created_at` */
export async function findJobs<Found extends Dated>(
  { collections }: Pick<JobServices, 'collections'>,
  jobId: string,
  projection: Document,
): Promise<readonly WithId<Found>[]> {
  for (const field of idFields) {
    const found = await collections.jobs.find<WithId<Found>>({ [field]: jobId }, { projection }).toArray();
    if (found.length > 0) return newestFirst(found);
  }
  return [];
}
