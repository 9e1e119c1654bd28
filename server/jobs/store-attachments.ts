import type { WithId } from 'mongodb';
import type { Core } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import type { StoredFile } from '../files/collections.js';
import { findFile, keepOneFile, removeFilesById } from '../files/files.js';
import type { FileServices } from '../files/services.js';
import { uploadFile } from '../files/upload-file.js';
import type { Upload } from '../http/upload.js';
import { findJob } from '../job/find-job.js';
import { attachmentsName } from '../job/job-files.js';
import type { JobRecord } from '../job/job-record.js';
import type { JobServices } from '../job/services.js';
import { jobsErrors } from './errors.js';

/**
 * Stores the attachments that a job awaits. The write that adds them to the job also makes the job claimable. If several
 * uploads run at the same time, the first one to finish is kept, since an agent may already be reading it. If the job
 * already has its attachments, nothing changes, since stock clients repeat requests.
 * @throws ApiError 422 if the job is unknown or names no attachments
 */
export async function storeAttachments(
  deps: Core & Pick<FileServices, 'collections'> & Pick<JobServices, 'collections'>,
  jobId: string,
  { file }: Upload,
): Promise<void> {
  const job = await findJob(deps, jobId);
  if (!checkAwaitsAttachments(job)) return;
  const name = attachmentsName(job.job_id);
  const stored = await uploadFile(deps, name, file);
  if (await completeAttachments(deps, job, stored)) return keepOneFile(deps, name, stored._id);
  await removeFilesById(deps, [stored._id]);
  const now = await findJob(deps, jobId);
  // The job was resubmitted meanwhile, and the new run awaits its own attachments.
  if (checkAwaitsAttachments(now)) throw new ApiError(jobsErrors.attachmentsNotAwaited);
}

/** Returns the stored attachments of a job, or `undefined`. */
export async function findAttachments(
  deps: Pick<FileServices, 'collections'> & Pick<JobServices, 'collections'>,
  jobId: string,
): Promise<StoredFile | undefined> {
  const { files } = deps.collections;
  const job = await findJob<Pick<JobRecord, 'job_id' | 'attachments_file'>>(deps, jobId, {
    job_id: 1,
    attachments_file: 1,
  });
  const named = job?.attachments_file && (await files.findOne({ _id: job.attachments_file }));
  return named ?? findFile(deps, attachmentsName(job?.job_id ?? jobId));
}

/**
 * Returns false if the job already has its attachments, whatever its state.
 * @throws ApiError 422 if it never awaited any
 */
function checkAwaitsAttachments(job: WithId<JobRecord> | undefined): job is WithId<JobRecord> {
  if (job === undefined) throw new ApiError(jobsErrors.attachmentsJobUnknown);
  const { attachments_status: status } = job.job_data;
  if (status === undefined) throw new ApiError(jobsErrors.attachmentsNotAwaited);
  return status !== 'complete';
}

/**
 * Adds the upload to the run of the job that it was for. Returns false if that run is over or another upload finished
 * first.
 */
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
