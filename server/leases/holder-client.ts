import type { Core } from '../core/core.js';
import { byId } from '../db/index-hint.js';
import type { HeldJob } from '../job/held-job.js';
import type { JobServices } from '../job/services.js';
import { may } from '../principal/may.js';
import type { Principal } from '../principal/principal.js';
import { refuseOrLog } from './agent-binding.js';
import { leaseErrors } from './errors.js';
import { fenceLease } from './fencing.js';
import type { LeaseServices } from './services.js';

/**
 * Checks that a request in the name of an agent that holds a job, or lost it, comes from the client that claimed the job: an
 * agent names itself in a cookie, which any client with the role agent can write.
 * @param isTaken false when the request has no effect even without a refusal
 * @throws ApiError 403 with `AGENT_BINDING=enforce`; else the request is logged
 */
export async function checkHolderClient(
  deps: Core & Pick<LeaseServices, 'config'>,
  caller: Principal,
  { job_id: jobId, lease, attempts = [] }: HeldJob,
  isTaken = true,
): Promise<void> {
  const { agentName: agent } = caller;
  if (agent === undefined) return;
  const held = lease?.holder === agent ? lease : attempts.findLast(({ holder }) => holder === agent);
  if (held === undefined || may(caller, 'actAsHolder', held)) return;
  await refuseOrLog(deps, caller, jobId, leaseErrors.notHeld, isTaken);
}

/** Whether the caller holds a job whose lease names no client: it is of an older version. */
export function isUnbound({ lease }: HeldJob, { agentName, clientId }: Principal): boolean {
  const isHolder = lease?.holder !== undefined && lease.holder === agentName;
  return isHolder && lease.client_id === undefined && clientId !== undefined;
}

/** Adds the caller's client to the lease of its job. Guarded, so that of two clients at once one gets the job. */
export async function bindLease(
  { collections }: Pick<JobServices, 'collections'>,
  { _id, lease }: HeldJob,
  { clientId }: Principal,
): Promise<void> {
  if (clientId === undefined) return;
  await collections.jobs.updateOne(
    { _id, ...fenceLease(lease), 'lease.client_id': { $exists: false } } as object,
    { $set: { 'lease.client_id': clientId } },
    byId,
  );
}
