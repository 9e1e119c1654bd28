import type { Caller } from '../principal/principal.js';
import { findLimit } from '../principal/permissions.js';
import type { JobRecord } from '../db/collections.js';
import type { Deps } from '../deps.js';
import { ApiError } from '../errors/api-error.js';
import { isRestricted } from '../queues/restricted-queues.js';
import { checkJobSecrets } from '../secrets/check-job-secrets.js';
import { endedStates } from '../job/job-state.js';
import { readJobId } from '../job/job-id.js';
import type { JobInput } from './job-schema.js';

/** A submission while it is checked. */
export interface Submission {
  deps: Deps;
  caller: Caller;
  input: JobInput;
  /** The job that has this id already, for a resubmission. */
  existing: JobRecord | undefined;
}

/** Seconds that a reservation may last without a permission, and what it lasts when it names none. */
const freeReservationSeconds = 6 * 3600;
const defaultReservationSeconds = 3600;

/** The rules of POST /v1/job (v1 contract, section 2), in the order in which they are told. */
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
  if (left === null) throw new ApiError('no_agent_left');
}

function checkSecrets({ deps, caller, input }: Submission): Promise<void> {
  return checkJobSecrets(deps, caller, input.test_data?.secrets);
}

function checkJobId({ input }: Submission): void {
  if (input.job_id && readJobId(input.job_id) === undefined) throw new ApiError('job_id_invalid');
}

/** An id belongs to who submitted it; an anonymous one is free again once its job has ended. */
function checkResubmission({ caller, existing }: Submission): void {
  if (existing === undefined || caller.role === 'admin' || caller.role === 'manager') return;
  const { submitted_by: owner, result_data: result } = existing;
  const allowed = owner === undefined ? endedStates.includes(result.job_state) : owner === caller.clientId;
  if (!allowed) throw new ApiError('resubmit_refused');
}

function checkPriority({ caller, input }: Submission): void {
  const { job_priority: priority = 0, job_queue: queue } = input;
  if (priority === 0) return;
  requirePermissions(caller, `Authentication required for setting priority: ${priority}`);
  if (priority > findLimit(caller.permissions?.max_priority, queue)) {
    throw refuse(`Not enough permissions to push to ${queue} with priority ${priority}`);
  }
}

async function checkRestrictedQueue({ deps, caller, input }: Submission): Promise<void> {
  const queue = input.job_queue;
  if (!(await isRestricted(deps, queue))) return;
  requirePermissions(caller, `Authentication required to push to restricted queue: ${queue}`);
  const allowed = caller.permissions?.allowed_queues;
  if (!Array.isArray(allowed) || !allowed.includes(queue)) {
    throw refuse(`Not enough permissions to push to the restricted queue: ${queue}`);
  }
}

function checkReservation({ caller, input }: Submission): void {
  const seconds = input.reserve_data?.timeout ?? defaultReservationSeconds;
  if (seconds <= freeReservationSeconds) return;
  requirePermissions(caller, `Authentication required for setting timeout: ${seconds}`);
  if (seconds > findLimit(caller.permissions?.max_reservation_time, input.job_queue)) {
    throw refuse(`Not enough permissions to push to ${input.job_queue} with reservation timeout ${seconds}`);
  }
}

function requirePermissions(caller: Caller, message: string): void {
  if (caller.permissions === undefined) throw new ApiError('push_unauthenticated', { message });
}

function refuse(message: string): ApiError {
  return new ApiError('push_refused', { message });
}
