import type { Collection, Document, WithId } from 'mongodb';
import { filterOtherForms } from './job-id.js';
import type { JobRecord } from './job-record.js';
import { compareNewest, newestFirst } from './newest-first.js';
import type { JobServices } from './services.js';

type Dated = Pick<JobRecord, 'created_at' | 'live'>;

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
  const projected = projection && { projection: { ...projection, _id: 1, created_at: 1, live: 1 } };
  let newest: (WithId<Found> & WithId<Dated>) | undefined;
  let isLive = false;
  for (const filter of idFilters(jobId)) {
    // Without a sort, which MongoDB could answer with the index of `created_at`, through the whole collection.
    const found = collections.jobs.find<WithId<Found> & WithId<Dated>>(filter, projected);
    for await (const job of found) {
      isLive ||= job.live === true;
      if (newest === undefined || compareNewest(job, newest) < 0) newest = job;
    }
    if (isLive) break;
  }
  return newest;
}

/** Returns all documents of a job id in all its forms, also beside a live one with the canonical id, the newest first. */
export async function findForms<Found extends Dated>(
  jobs: Collection<JobRecord>,
  canonicalId: string,
  projection: Document,
): Promise<readonly WithId<Found>[]> {
  const find = (filter: object) => jobs.find<WithId<Found>>(filter, { projection }).toArray();
  return newestFirst((await Promise.all(idFilters(canonicalId).map(find))).flat());
}

/**
 * The filters that a job is looked up by, in this order: nearly every stored id is canonical. The second one is used unless
 * the first one finds a live document.
 */
function idFilters(jobId: string): readonly object[] {
  return [{ job_id: jobId }, filterOtherForms([jobId])];
}
