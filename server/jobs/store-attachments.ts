import { createHash, type Hash } from 'node:crypto';
import type { WithId } from 'mongodb';
import type { Core, DepsOf } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import type { StoredFile } from '../files/collections.js';
import { downloadFile } from '../files/download-file.js';
import { findFile, keepOneFile, removeFilesById } from '../files/files.js';
import { hasBytesOf } from '../files/has-bytes-of.js';
import type { FileServices } from '../files/services.js';
import { uploadFile } from '../files/upload-file.js';
import type { UploadBody } from '../http/upload.js';
import { findJob } from '../job/find-job.js';
import { attachmentsName } from '../job/job-files.js';
import type { JobRecord } from '../job/job-record.js';
import { endedStates } from '../job/job-state.js';
import type { JobServices } from '../job/services.js';
import type { Principal } from '../principal/principal.js';
import { AnonymousUpload, filterUnended } from './anonymous-uploads.js';
import { checkJobOwner, logUnownedChange, type OwnedJob, ownedFields } from './check-job-owner.js';
import { jobsErrors } from './errors.js';

type AttachmentDeps = Core &
  Pick<FileServices, 'collections'> &
  Pick<JobServices, 'collections' | 'findJobs'>;

/** The part of a job that shows whether it awaits attachments, and who owns it. */
type AttachingJob = OwnedJob & Pick<JobRecord, 'created_at' | 'result_data'>;

const attachingFields = {
  ...ownedFields,
  'job_data.attachments_status': 1,
  'result_data.job_state': 1,
};

const fileFields = { attachments_file: 1 };

/**
 * Stores the attachments that a job awaits. The write that adds them to the job also makes the job claimable. If several
 * uploads run at the same time, the first one to finish is kept, since an agent may already be reading it. If the job
 * already has its attachments, nothing changes, since stock clients repeat requests. The job is checked before the body
 * is read.
 * @throws ApiError 422 if the job is unknown, names no attachments or ended without them, 403 if the caller may not change
 * the job, 409 if the job has other attachments, 413 if there is no room for those of anonymous callers
 */
export async function storeAttachments(
  deps: AttachmentDeps & DepsOf<typeof checkJobOwner> & ConstructorParameters<typeof AnonymousUpload>[0],
  caller: Principal,
  jobId: string,
  body: UploadBody,
): Promise<void> {
  const job = checkTakesAttachments(await findJob<AttachingJob>(deps, jobId, attachingFields));
  // For anyone: a repeated request without the file changes nothing.
  if (hasAttachments(job) && body.isEmpty) return;
  const isUnowned = checkJobOwner(deps, caller, job);
  if (hasAttachments(job)) return checkSameBytes(deps, jobId, (await body.open()).file);
  const anonymous = caller.kind === 'anonymous' ? new AnonymousUpload(deps, job) : undefined;
  await anonymous?.checkRoom(body.announcedBytes);
  const { file } = await body.open();
  const hash = createHash('sha256');
  let stored: StoredFile;
  let isAdded = false;
  try {
    const pieces = hashPieces(anonymous?.count(file) ?? file, hash);
    stored = await uploadFile(deps, attachmentsName(job.job_id), pieces);
    isAdded = await completeAttachments(deps, job, stored);
  } finally {
    if (!isAdded) await anonymous?.release();
  }
  if (isAdded) {
    await keepOneFile(deps, stored.filename, stored._id);
    if (isUnowned) await logUnownedChange(deps, caller, job);
    return;
  }
  await removeFilesById(deps, [stored._id]);
  const now = checkTakesAttachments(await findJob<AttachingJob>(deps, jobId, attachingFields));
  // The job was resubmitted meanwhile, and the new run awaits its own attachments.
  if (!hasAttachments(now)) throw new ApiError(jobsErrors.attachmentsNotAwaited);
  await checkSameFile(deps, jobId, { length: stored.length, digest: hash.digest('hex') });
}

/** Returns the stored attachments of a job, or `undefined`. */
export async function findAttachments(
  deps: Pick<FileServices, 'collections'> & Pick<JobServices, 'findJobs'>,
  jobId: string,
): Promise<StoredFile | undefined> {
  const { files } = deps.collections;
  const job = await findJob<Pick<JobRecord, 'job_id' | 'attachments_file'>>(deps, jobId, fileFields);
  const named = job?.attachments_file && (await files.findOne({ _id: job.attachments_file }));
  return named ?? findFile(deps, attachmentsName(job?.job_id ?? jobId));
}

/** @throws ApiError 422 if the job is unknown, never awaited attachments or ended without them */
function checkTakesAttachments(job: WithId<AttachingJob> | undefined): WithId<AttachingJob> {
  if (job === undefined) throw new ApiError(jobsErrors.attachmentsJobUnknown);
  const hasEnded = endedStates.includes(job.result_data.job_state);
  if (job.job_data.attachments_status === undefined || (hasEnded && !hasAttachments(job)))
    throw new ApiError(jobsErrors.attachmentsNotAwaited);
  return job;
}

/** Returns whether a job has its attachments, whatever its state. */
function hasAttachments({ job_data: data }: AttachingJob): boolean {
  return data.attachments_status === 'complete';
}

/** Checks that a repeated upload has the stored bytes; any bytes pass if the stored file has expired. */
async function checkSameBytes(
  deps: AttachmentDeps,
  jobId: string,
  file: AsyncIterable<Uint8Array>,
): Promise<void> {
  const kept = await findAttachments(deps, jobId);
  if (kept && !(await hasBytesOf(deps, kept, file))) throw new ApiError(jobsErrors.attachmentsDiffer);
}

/**
 * Checks that an upload that finished second has the bytes of the first. It compares digests, because the first one
 * removes the other's file.
 */
async function checkSameFile(
  deps: AttachmentDeps,
  jobId: string,
  sent: { length: number; digest: string },
): Promise<void> {
  const kept = await findAttachments(deps, jobId);
  if (kept === undefined) return;
  if (kept.length === sent.length) {
    const hash = createHash('sha256');
    for await (const piece of downloadFile(deps, kept)) hash.update(piece as Buffer);
    if (hash.digest('hex') === sent.digest) return;
  }
  throw new ApiError(jobsErrors.attachmentsDiffer);
}

async function* hashPieces(file: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array> {
  for await (const piece of file) {
    hash.update(piece);
    yield piece;
  }
}

/**
 * Adds the upload to the run of the job that it was for. Returns false if that run is over or another upload finished
 * first.
 */
async function completeAttachments(
  { collections }: Pick<JobServices, 'collections'>,
  job: WithId<AttachingJob>,
  stored: StoredFile,
): Promise<boolean> {
  const { matchedCount } = await collections.jobs.updateOne(
    { ...filterUnended(job), 'job_data.attachments_status': 'waiting' },
    {
      $set: { 'job_data.attachments_status': 'complete', attachments_file: stored._id },
      $currentDate: { wake_at: true },
    },
  );
  return matchedCount === 1;
}
