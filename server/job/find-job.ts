import type { JobServices } from './services.js';
import type { WithId } from 'mongodb';
import type { JobRecord } from './job-record.js';

/** The job of an id in canonical form, or `undefined`; the newest where an older database holds doubles. */
export async function findJob(
  { collections }: Pick<JobServices, 'collections'>,
  jobId: string,
): Promise<WithId<JobRecord> | undefined> {
  const job = await collections.jobs.findOne({ job_id: jobId }, { sort: { created_at: -1 } });
  return job ?? undefined;
}
