import { GridFSBucket } from 'mongodb';
import type { Deps } from '../deps.js';

/**
 * Removes the logs, attachments and artifact of a job's earlier run. Two resubmissions may do it at once, so nothing
 * is expected to be there.
 */
export async function clearJobOutput(
  { connection: { db }, collections }: Deps,
  jobId: string,
): Promise<void> {
  await collections.logs.deleteMany({ job_id: jobId });
  const names = { filename: { $in: [`${jobId}.attachments`, `${jobId}.artifact`] } };
  const files = await new GridFSBucket(db).find(names, { projection: { _id: 1 } }).toArray();
  const ids = files.map(({ _id }) => _id);
  if (ids.length === 0) return;
  await db.collection('fs.files').deleteMany({ _id: { $in: ids } });
  await db.collection('fs.chunks').deleteMany({ files_id: { $in: ids } });
}
