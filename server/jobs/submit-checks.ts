import type { DepsOf } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import { jobErrors } from '../job/errors.js';
import { readJobId } from '../job/job-id.js';
import type { JobInput } from '../job/job-schema.js';
import { endedStates } from '../job/job-state.js';
import type { LeaseServices } from '../leases/services.js';
import { may } from '../principal/may.js';
import type { Principal } from '../principal/principal.js';
import { isRestricted } from '../queues/restricted-queues.js';
import { checkJobSecrets } from '../secrets/check-job-secrets.js';
import { findJobOwner } from './check-job-owner.js';
import { jobsErrors } from './errors.js';
import type { ExistingJob } from './existing-job.js';

/** The dependencies of the checks. */
export type SubmitCheckDeps = Pick<LeaseServices, 'collections'> &
  DepsOf<typeof checkJobSecrets> &
  DepsOf<typeof isRestricted>;

/** The submission to check. */
export interface Submission {
  deps: SubmitCheckDeps;
  caller: Principal;
  input: JobInput;
  /** For a resubmission: the job that already has this id. */
  existing: ExistingJob | undefined;
}

/** Maximum seconds of a reservation that needs no permission. */
const freeReservationSeconds = 6 * 3600;

/** Seconds of a reservation that names no timeout. */
const defaultReservationSeconds = 3600;

/** The checks of POST /v1/job, in the order in which the v1 contract (section 2) reports their errors. */
export const submitChecks: readonly ((submission: Submission) => void | Promise<void>)[] = [
  checkAgentLeft,
  checkSecrets,
  checkJobId,
  checkResubmission,
  checkPriority,
  checkRestrictedQueue,
  checkReservation,
];

async function checkAgentLeft({ deps, input }: Submission): Promise<void> {
  const excluded = input.exclude_agents ?? [];
  if (excluded.length === 0) return;
  const left = await deps.collections.agents.findOne(
    { queues: input.job_queue, name: { $nin: excluded } },
    { projection: { _id: 1 } },
  );
  if (left === null) throw new ApiError(jobsErrors.noAgentLeft);
}

function checkSecrets({ deps, caller, input }: Submission): Promise<void> {
  return checkJobSecrets(deps, caller, input.test_data?.secrets);
}

function checkJobId({ input }: Submission): void {
  if (input.job_id && readJobId(input.job_id) === undefined) throw new ApiError(jobErrors.idInvalid);
}

function checkResubmission({ caller, existing }: Submission): void {
  if (existing === undefined) return;
  const hasEnded = endedStates.includes(existing.result_data.job_state);
  if (!may(caller, 'resubmitJob', { submitted_by: findJobOwner(existing), hasEnded }))
    throw new ApiError(jobsErrors.resubmitRefused);
}

function checkPriority({ caller, input }: Submission): void {
  const { job_priority: priority = 0, job_queue: queue } = input;
  if (priority === 0) return;
  requirePermissions(caller, `Authentication required for setting priority: ${priority}`);
  if (!may(caller, 'setPriority', { queue, priority })) {
    throw refuse(`Not enough permissions to push to ${queue} with priority ${priority}`);
  }
}

async function checkRestrictedQueue({ deps, caller, input }: Submission): Promise<void> {
  const queue = input.job_queue;
  if (!(await isRestricted(deps, queue))) return;
  requirePermissions(caller, `Authentication required to push to restricted queue: ${queue}`);
  if (!may(caller, 'pushToRestricted', { queue })) {
    throw refuse(`Not enough permissions to push to the restricted queue: ${queue}`);
  }
}

function checkReservation({ caller, input }: Submission): void {
  const seconds = input.reserve_data?.timeout ?? defaultReservationSeconds;
  if (seconds <= freeReservationSeconds) return;
  requirePermissions(caller, `Authentication required for setting timeout: ${seconds}`);
  if (!may(caller, 'reserve', { queue: input.job_queue, seconds })) {
    throw refuse(`Not enough permissions to push to ${input.job_queue} with reservation timeout ${seconds}`);
  }
}

function requirePermissions(caller: Principal, message: string): void {
  if (caller.permissions === undefined) throw new ApiError(jobsErrors.pushUnauthenticated, { message });
}

function refuse(message: string): ApiError {
  return new ApiError(jobsErrors.pushRefused, { message });
}
