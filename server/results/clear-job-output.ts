import { GridFSBucket } from 'mongodb';
import type { Deps } from '../deps.js';

/** Removes the logs, attachments and artifact of a job's earlier run. */
export async function clearJobOutput(
  { connection: { db }, collections }: Deps,
  jobId: string,
): Promise<void> {
  await collections.logs.deleteMany({ job_id: jobId });
  const bucket = new GridFSBucket(db);
  const names = { filename: { $in: [`${jobId}.attachments`, `${jobId}.artifact`] } };
  for await (const file of bucket.find(names)) await bucket.delete(file._id);
}
