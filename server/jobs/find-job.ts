import type { WithId } from 'mongodb';
import type { JobRecord } from '../db/collections.js';
import type { Deps } from '../deps.js';

/** The job of an id in canonical form, or `undefined`. */
export async function findJob({ collections }: Deps, jobId: string): Promise<WithId<JobRecord> | undefined> {
  return (await collections.jobs.findOne({ job_id: jobId })) ?? undefined;
}
