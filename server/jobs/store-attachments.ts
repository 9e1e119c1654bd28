import type { FileServices } from '../files/services.js';
import type { JobServices } from '../job/services.js';
import type { Core } from '../core/core.js';
import { jobsErrors } from './errors.js';
import type { WithId } from 'mongodb';
import type { StoredFile } from '../files/collections.js';
import type { JobRecord } from '../job/job-record.js';
import { findFile, keepOneFile, removeFilesById } from '../files/files.js';
import { uploadFile } from '../files/upload-file.js';
import { ApiError } from '../errors/api-error.js';
import type { Upload } from '../http/upload.js';
import { attachmentsName } from '../job/job-files.js';
import { findJob } from '../job/find-job.js';

/**
 * Stores the attachments that a job awaits; the write that names them on the job is the one that lets agents take it.
 * Of several uploads at once the first that ends is kept, since an agent may be reading it by then.
 * A job that has its attachments is left as it is: stock clients repeat requests.
 * @throws ApiError 422 for a job that is unknown or names no attachments
 */
export async function storeAttachments(
  deps: Core & Pick<FileServices, 'collections'> & Pick<JobServices, 'collections'>,
  jobId: string,
  { file }: Upload,
): Promise<void> {
  const job = await findJob(deps, jobId);
  if (!checkAwaits(job)) return;
  const name = attachmentsName(jobId);
  const stored = await uploadFile(deps, name, file);
  if (await completeAttachments(deps, job, stored)) return keepOneFile(deps, name, stored._id);
  await removeFilesById(deps, [stored._id]);
  const now = await findJob(deps, jobId);
  // A run that began meanwhile wants its own.
  if (checkAwaits(now)) throw new ApiError(jobsErrors.attachmentsNotAwaited);
}

/** The stored attachments of a job, or `undefined`. */
export async function findAttachments(
  deps: Pick<FileServices, 'collections'> & Pick<JobServices, 'collections'>,
  jobId: string,
): Promise<StoredFile | undefined> {
  const { files } = deps.collections;
  const job = await findJob<Pick<JobRecord, 'attachments_file'>>(deps, jobId, { attachments_file: 1 });
  const named = job?.attachments_file && (await files.findOne({ _id: job.attachments_file }));
  return named ?? findFile(deps, attachmentsName(jobId));
}

/** False when the attachments are there already, whatever the state of the job. */
function checkAwaits(job: WithId<JobRecord> | undefined): job is WithId<JobRecord> {
  if (job === undefined) throw new ApiError(jobsErrors.attachmentsJobUnknown);
  const { attachments_status: status } = job.job_data;
  if (status === undefined) throw new ApiError(jobsErrors.attachmentsNotAwaited);
  return status !== 'complete';
}

/** Guarded by the run of the job that the upload was for; false when that is over or another upload was first. */
async function completeAttachments(
  { collections }: Pick<JobServices, 'collections'>,
  job: WithId<JobRecord>,
  stored: StoredFile,
): Promise<boolean> {
  const { matchedCount } = await collections.jobs.updateOne(
    { _id: job._id, created_at: job.created_at, 'job_data.attachments_status': 'waiting' },
    {
      $set: { 'job_data.attachments_status': 'complete', attachments_file: stored._id },
      $currentDate: { wake_at: true },
    },
  );
  return matchedCount === 1;
}
