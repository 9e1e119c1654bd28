import type { Collection, Document, WithId } from 'mongodb';
import { filterOtherForms } from './job-id.js';
import type { JobRecord } from './job-record.js';
import { newestFirst } from './newest-first.js';
import type { JobServices } from './services.js';

/** A projection for callers that ask whether a job exists. */
export const idOnly = {};

/**
 * Returns the job with an id, or `undefined`. If an older database holds duplicates of the id, returns the newest one.
 * Callers at the same moment can get the same object, so none may change it.
 * @param jobId in canonical form
 * @param projection the fields to read, the same object at each call; all fields by default
 */
export async function findJob<Found extends Partial<JobRecord> = JobRecord>(
  { findJobs }: Pick<JobServices, 'findJobs'>,
  jobId: string,
  projection?: Document,
): Promise<WithId<Found> | undefined> {
  const [newest] = await findJobs({ jobId, projection });
  return newest as WithId<Found> | undefined;
}

/** Returns all documents of a job id in all its forms, also beside a live one with the canonical id, the newest first. */
export async function findForms<Found extends Pick<JobRecord, 'created_at' | 'live'>>(
  jobs: Collection<JobRecord>,
  canonicalId: string,
  projection: Document,
): Promise<readonly WithId<Found>[]> {
  const find = (filter: object) => jobs.find<WithId<Found>>(filter, { projection }).toArray();
  const filters = [{ job_id: canonicalId }, filterOtherForms([canonicalId])];
  return newestFirst((await Promise.all(filters.map(find))).flat());
}
