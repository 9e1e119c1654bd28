import type { Core, DepsOf } from '../core/core.js';
import { byId } from '../db/index-hint.js';
import type { HeldJob } from '../job/held-job.js';
import { endedStates } from '../job/job-state.js';
import type { JobServices } from '../job/services.js';
import type { Principal } from '../principal/principal.js';
import { namesSecrets } from '../scrubbing/job-masks.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import { refuseOrLog } from './agent-binding.js';
import { awaitsClaim, classifyWriter } from './classify-writer.js';
import { leaseErrors } from './errors.js';
import { fenceLease } from './fencing.js';
import { findHeldJob, findHeldJobWithResult } from './find-held-job.js';
import { bindLease, checkHolderClient, isUnbound } from './holder-client.js';
import { isRenewalDue, renewLease, setHolder, startLease } from './renew-lease.js';
import { restoreToHolder } from './restore-to-holder.js';
import type { LeaseServices } from './services.js';

/** How a request relates to a job. */
export interface Hold {
  /** Absent for an id that no job has. */
  job: HeldJob | undefined;
  /** The job does not take what is sent: its sender lost the job, or never held it. */
  isLost: boolean;
  /** The agent that sent it; absent for other senders and with `AGENT_LEASES=off`. */
  agent: string | undefined;
}

/**
 * Reads a job for a request about it, and treats the request as a sign of life of its holder: the lease is renewed when
 * half of it has passed, and a job that the agent lost and nobody else has taken is returned to the agent. An agent that
 * writes to a running job without a holder, from an older database, becomes its holder. An agent is its name and the client
 * that claimed the job; a lease without a client gets that of the first write.
 * @param options.writes false for a request that only reads
 * @param options.forHolder whether only the holder may send the request; true for every write
 * @param options.withResult read the job's statuses and device too
 * @throws ApiError 403 with `AGENT_BINDING=enforce`, for a write to a job that still waits for a claim, for a write or a
 * read for the holder about a job of another agent, and for every request in the name of an agent whose job another client
 * claimed
 */
export async function holdJob(
  deps: DepsOf<typeof findHeldJob> & DepsOf<typeof findHeldJobWithResult> & DepsOf<typeof settle>,
  caller: Principal,
  jobId: string,
  {
    writes,
    forHolder = writes,
    withResult = false,
  }: { writes: boolean; forHolder?: boolean; withResult?: boolean },
): Promise<Hold> {
  const agent = deps.config.agentLeases === 'on' ? caller.agentName : undefined;
  const find = withResult ? findHeldJobWithResult : findHeldJob;
  for (;;) {
    const job = await find(deps, jobId, caller.agentName);
    if (job === undefined) return { job, isLost: false, agent };
    if (agent === undefined) {
      const holder = job.lease?.holder;
      const isOthers = holder !== undefined && holder !== caller.agentName;
      if ((forHolder && isOthers) || (writes && awaitsClaim(job, caller.agentName)))
        await refuseOrLog(deps, caller, jobId, leaseErrors.notHeld);
      else await checkHolderClient(deps, caller, job);
      if (!writes || !isUnbound(job, caller)) return { job, isLost: false, agent };
      await bindLease(deps, job, caller);
      continue;
    }
    const standing = classifyWriter(job, agent);
    await checkHolderClient(deps, caller, job, !writes || standing !== 'lost');
    if (standing === 'lost') return { job, isLost: true, agent };
    if (standing === 'foreign') {
      if (forHolder) await refuseOrLog(deps, caller, jobId, leaseErrors.notHeld, !writes);
      return { job, isLost: writes, agent };
    }
    if (writes && awaitsClaim(job, agent)) await refuseOrLog(deps, caller, jobId, leaseErrors.notHeld);
    if (await settle(deps, caller, job, { agent, standing, writes })) return { job, isLost: false, agent };
  }
}

/** Brings the stored lease in line with the standing; false when the job must be read again. */
async function settle(
  deps: DepsOf<typeof takeUnheld> & DepsOf<typeof restoreToHolder>,
  caller: Principal,
  job: HeldJob,
  {
    agent,
    standing,
    writes,
  }: { agent: string; standing: 'holder' | 'returnable' | 'unheld'; writes: boolean },
): Promise<boolean> {
  if (standing === 'holder' && writes && isUnbound(job, caller)) {
    await bindLease(deps, job, caller);
    return false;
  }
  if (standing === 'holder') return !isRenewalDue(deps, job) || renewLease(deps, job, agent);
  if (standing === 'unheld' && !(writes && isRunning(job))) return true;
  await (standing === 'unheld'
    ? takeUnheld(deps, job, { agent, clientId: caller.clientId })
    : restoreToHolder(deps, job, agent));
  return false;
}

function isRunning({ result_data: { job_state: state } }: HeldJob): boolean {
  return state !== 'waiting' && !endedStates.includes(state);
}

/** Notes that another server gave the job its secrets, which are not known here, so that its texts are not withheld. */
export async function noteAdoption(
  { jobMasks }: Pick<ScrubbingServices, 'jobMasks'>,
  job: HeldJob,
): Promise<void> {
  if (namesSecrets(job)) await jobMasks.add(job.job_id, job.lease?.attempt ?? 1, []);
}

/** Makes an agent the holder of a job without one; of two agents at once, one succeeds. */
async function takeUnheld(
  deps: Core &
    Pick<JobServices, 'collections'> &
    Pick<ScrubbingServices, 'jobMasks'> &
    Pick<LeaseServices, 'config'>,
  job: HeldJob,
  { agent, clientId }: { agent: string; clientId: string | undefined },
): Promise<void> {
  await noteAdoption(deps, job);
  await deps.collections.jobs.updateOne(
    {
      _id: job._id,
      ...fenceLease(job.lease),
      'result_data.job_state': job.result_data.job_state,
    } as object,
    [
      {
        $set: {
          ...setHolder(agent, clientId),
          'lease.attempt': { $ifNull: ['$lease.attempt', 1] },
          ...startLease(deps, '$result_data.job_state'),
        },
      },
    ],
    byId,
  );
}
