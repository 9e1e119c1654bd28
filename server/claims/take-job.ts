import type { Core, DepsOf } from '../core/core.js';
import type { WaitOptions } from '../hub/signal.js';
import type { JobRecord } from '../job/job-record.js';
import { checkAgentName } from '../leases/agent-binding.js';
import { cutLeases } from '../leases/cut-leases.js';
import type { HolderKindName } from '../leases/holder-kinds.js';
import type { LeaseServices } from '../leases/services.js';
import type { Principal } from '../principal/principal.js';
import { readJobSecrets } from '../secrets/read-job-secrets.js';
import { adoptClaimed } from './adopt-claimed.js';
import type { WaitingJob } from './claimer.js';
import { releaseClaim } from './release-claim.js';
import { waitForJob } from './wait-for-job.js';

/** An agent that asks for a job, and will hold it under a lease. */
export interface Holder {
  kind: HolderKindName;
  /** The name that the lease holds. */
  name: string;
  /** The queues that it serves. */
  queues: readonly string[];
  /** Who proves to be that holder. */
  caller: Principal;
}

/** A job that its holder is given. */
export interface TakenJob {
  job: JobRecord;
  /** The secrets that the job names, by identifier; `undefined` for a job that names none. */
  secrets: Record<string, string> | undefined;
  /** Returns the job to its queue, with its place, when the holder never got it. */
  release(): Promise<void>;
}

/**
 * Takes the first claimable job for a holder: the one entry for everybody who takes jobs. To ask for a job is a sign of
 * life, and shortens the leases of jobs that the holder has left unfinished.
 * @param wait how long the holder waits for a job; 0 seconds for a response at once
 * @returns `undefined` when there was no job
 * @throws ApiError 403 for a name of another client, with `AGENT_BINDING=enforce`; 503 when the secrets cannot be read: then the job is back in its queue
 */
export async function takeJob(
  deps: Core &
    Pick<LeaseServices, 'config' | 'agentWatch'> &
    DepsOf<typeof checkAgentName> &
    DepsOf<typeof cutLeases> &
    DepsOf<typeof waitForJob> &
    DepsOf<typeof releaseClaim> &
    DepsOf<typeof adoptClaimed> &
    DepsOf<typeof readJobSecrets>,
  { kind, name, queues, caller }: Holder,
  wait: WaitOptions,
): Promise<TakenJob | undefined> {
  if (kind === 'agent' && deps.config.agentBinding === 'enforce') await checkAgentName(deps, caller, name);
  deps.agentWatch.saw(name);
  await cutLeases(deps, name);
  const claimer = { queues, agent: name, clientId: caller.clientId };
  for (let remaining = wait; ; remaining = { ...wait, seconds: 0 }) {
    const claimed = await waitForJob(deps, claimer, remaining);
    if (claimed === undefined) return undefined;
    const job = await orRelease(deps, claimed, adoptClaimed(deps, claimed));
    if (job === undefined) {
      await releaseClaim(deps, claimed);
      continue;
    }
    const secrets = await orRelease(deps, job, readJobSecrets(deps, job));
    return { job, secrets, release: () => releaseClaim(deps, job) };
  }
}

/** Returns a claimed job to its queue if a step of its claim fails. */
async function orRelease<T>(
  deps: DepsOf<typeof releaseClaim>,
  job: WaitingJob,
  step: Promise<T>,
): Promise<T> {
  return step.catch(async (error: unknown) => {
    await releaseClaim(deps, job);
    throw error;
  });
}
