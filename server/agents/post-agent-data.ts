import type { AgentServices } from './services.js';
import type { LeaseServices } from '../leases/services.js';
import type { DepsOf } from '../core/core.js';
import type { JobServices } from '../job/services.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import type { z } from 'zod';
import { readJobId } from '../job/job-id.js';
import { listOf, object, text } from '../schema/schema.js';
import { leaseErrors } from '../leases/errors.js';
import type { Principal } from '../principal/principal.js';
import { findMasker, maskFields } from '../scrubbing/mask-input.js';
import { cutLeasesOfIdle } from '../leases/cut-leases.js';
import { noteAgentReport } from '../leases/note-agent-report.js';
import { bindAgentName, checkAgentName, isBoundToOther, refuseOrLog } from '../leases/agent-binding.js';

/** Lines of an agent's log that are kept. */
const logLinesKept = 100;

/** What an agent tells about itself: any of these; the state words are the agents' own. */
export const agentInput = object({
  state: text().optional(),
  queues: listOf(text()).optional(),
  location: text().optional(),
  provision_type: text().optional(),
  job_id: text().optional(),
  log: listOf(text()).optional(),
  comment: text().optional(),
  identifier: text().optional(),
});

type AgentInput = z.output<typeof agentInput>;

/**
 * Merges what an agent tells into its record; log lines are appended and the last 100 kept. The name is bound to the
 * client that tells first.
 * @throws ApiError 403 when it is bound to another one and `AGENT_BINDING=enforce`
 */
export async function postAgentData(
  deps: Pick<LeaseServices, 'cutLeasesOf'> &
    Pick<AgentServices, 'updateAgent'> &
    DepsOf<typeof noteAgentReport> &
    DepsOf<typeof maskAgentData>,
  caller: Principal,
  name: string,
  input: AgentInput,
): Promise<void> {
  // Otherwise the write itself tells, so that a heartbeat is one round trip.
  if (deps.config.agentBinding === 'enforce') await checkAgentName(deps, caller, name);
  const { log, ...fields } = await maskAgentData(deps, name, input);
  const update = {
    $set: fields as Record<string, string | string[]>,
    $currentDate: { updated_at: true as const },
    ...(log !== undefined && { $push: { log: { $each: log, $slice: -logLinesKept } } }),
  };
  const before = await deps.updateAgent({ name, update }, JSON.stringify(input).length);
  await cutLeasesOfIdle(deps, name, input.state);
  await noteAgentReport(deps, caller, name, input.job_id ?? before?.job_id);
  if (caller.kind !== 'agent') return;
  if (before?.bound_to === undefined) await bindAgentName(deps, caller, name);
  else if (isBoundToOther(before, caller)) refuseOrLog(deps, caller, name, leaseErrors.agentNameBound);
}

/** Texts of an agent are about the job that it works on. */
async function maskAgentData(
  deps: Pick<JobServices, 'findHeldJob'> &
    Pick<ScrubbingServices, 'jobMasks'> &
    Pick<LeaseServices, 'collections'>,
  name: string,
  input: AgentInput,
): Promise<AgentInput> {
  // Nearly all posts tell nothing in words, and ask for no job.
  if (!input.log?.length && !input.comment) return maskFields(input, undefined);
  const record = await deps.collections.agents.findOne({ name }, { projection: { job_id: 1 } });
  const jobId = readJobId(input.job_id || record?.job_id || '');
  const job = jobId === undefined ? undefined : await deps.findHeldJob(jobId);
  return maskFields(input, await findMasker(deps, job, name));
}
