import type { Core } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import type { JobRecord } from '../job/job-record.js';
import { may } from '../principal/may.js';
import { hasNoCredentials, type Principal } from '../principal/principal.js';
import { jobsErrors } from './errors.js';
import type { JobsServices } from './services.js';

/** The fields of a job from which its owner is known. */
export type OwnedJob = Pick<JobRecord, 'job_id' | 'submitted_by' | 'job_data'>;

/** The projection that reads an `OwnedJob`. */
export const ownedFields = { job_id: 1, submitted_by: 1, 'job_data.client_id': 1 };

/**
 * Returns the client id of a job's submitter; `undefined` if the submitter was anonymous. A Testflinger server stores the
 * submitter only for a job with secrets, in its data.
 */
export function findJobOwner({ submitted_by: submitter, job_data: data }: OwnedJob): string | undefined {
  const { client_id: clientOfSecrets } = data;
  return submitter ?? (typeof clientOfSecrets === 'string' ? clientOfSecrets : undefined);
}

/**
 * Checks that the caller may cancel a job or send its attachments: its submitter, a manager or an admin may; anyone may if
 * the submitter was anonymous. With `JOB_OWNERSHIP=record`, a request without credentials is accepted too, because stock
 * CLIs older than June 2026 send none with these requests.
 * @returns true for such a request, which is then logged with `logUnownedChange`
 * @throws ApiError 403 if the caller may not
 */
export function checkJobOwner(
  { config }: Pick<JobsServices, 'config'>,
  caller: Principal,
  job: OwnedJob,
): boolean {
  if (may(caller, 'changeJob', { submitted_by: findJobOwner(job) })) return false;
  if (config.jobOwnership === 'enforce' || !hasNoCredentials(caller)) throw new ApiError(jobsErrors.notOwned);
  return true;
}

/** Logs a change of a job that only `JOB_OWNERSHIP=record` accepts. */
export function logUnownedChange(
  { audit }: Core,
  { source }: Principal,
  { job_id: target }: OwnedJob,
): Promise<void> {
  return audit({
    event: 'job_ownership',
    outcome: 'accepted',
    target,
    source,
    reason: jobsErrors.notOwned.code,
  });
}
