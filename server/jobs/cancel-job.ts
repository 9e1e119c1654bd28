import { auditChange } from '../audit/audit-change.js';
import type { Core, DepsOf } from '../core/core.js';
import { byId } from '../db/index-hint.js';
import { ApiError } from '../errors/api-error.js';
import { removeFilesSoon } from '../files/files.js';
import { findJob } from '../job/find-job.js';
import type { JobRecord } from '../job/job-record.js';
import { filterAllowing, stateAfter } from '../job/job-state.js';
import { noteEnded } from '../job/job-times.js';
import type { JobServices } from '../job/services.js';
import type { Principal } from '../principal/principal.js';
import { namesSecrets } from '../scrubbing/job-masks.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import { checkJobOwner, logUnownedChange, type OwnedJob, ownedFields } from './check-job-owner.js';
import { jobsErrors } from './errors.js';

const cancelledFields = {
  lease: 1,
  'job_data.test_data.secrets': 1,
  'result_data.job_state': 1,
  anonymous_bytes: 1,
  attachments_file: 1,
};

/**
 * Cancels a job. Attachments that an anonymous caller sent are removed if the job still waited: they no longer count as
 * anonymous uploads of waiting jobs, so they must not stay either.
 * @throws ApiError 403 if the caller may not change it, 400 if it has ended or does not exist
 */
export async function cancelJob(
  deps: Pick<Core, 'clock'> &
    Pick<JobServices, 'collections' | 'findJobs'> &
    Pick<ScrubbingServices, 'jobMasks'> &
    DepsOf<typeof removeFilesSoon> &
    DepsOf<typeof checkJobOwner> &
    DepsOf<typeof logUnownedChange>,
  caller: Principal,
  jobId: string,
): Promise<void> {
  const found = await findJob<OwnedJob & Pick<JobRecord, 'created_at'>>(deps, jobId, ownedFields);
  if (found === undefined) throw new ApiError(jobsErrors.alreadyEnded);
  const isUnowned = checkJobOwner(deps, caller, found);
  const job = await deps.collections.jobs.findOneAndUpdate(
    // Only the run that was checked: another client may have resubmitted the job meanwhile.
    { _id: found._id, created_at: found.created_at, ...filterAllowing('cancel') },
    [{ $set: { 'result_data.job_state': stateAfter('cancel'), ...noteEnded(deps.clock) } }],
    { projection: cancelledFields, ...byId },
  );
  if (job === null) throw new ApiError(jobsErrors.alreadyEnded);
  // The job was lost and waited again: no agent is left whose final result would end the masks.
  if (job.lease && job.lease.holder === undefined && namesSecrets(job))
    await deps.jobMasks.expireSoon(found.job_id);
  if (job.result_data.job_state === 'waiting' && job.anonymous_bytes && job.attachments_file)
    await removeFilesSoon(deps, [job.attachments_file]);
  if (isUnowned) await logUnownedChange(deps, caller, found);
  await auditChange(deps, caller, 'job_cancelled', found.job_id);
}
