import type { z } from 'zod';
import type { DepsOf } from '../core/core.js';
import { readJobId } from '../job/job-id.js';
import { phases } from '../job/phases.js';
import type { JobServices } from '../job/services.js';
import { bindAgentName, checkAgentName, isBoundToOther, refuseOrLog } from '../leases/agent-binding.js';
import { cutLeasesOfIdle } from '../leases/cut-leases.js';
import { leaseErrors } from '../leases/errors.js';
import { findHeldJob } from '../leases/find-held-job.js';
import { noteAgentReport } from '../leases/note-agent-report.js';
import type { HolderRecord, LeaseServices } from '../leases/services.js';
import type { Principal } from '../principal/principal.js';
import { listOf, object, text } from '../schema/schema.js';
import { findMasker, maskFields } from '../scrubbing/mask-input.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import { findRemembered } from './find-agent.js';
import type { AgentServices } from './services.js';

/** Maximum number of stored lines of an agent's log. */
const maxLogLines = 100;

/**
 * Request body: what an agent reports about itself. All fields are optional; agents define the names of their states. A
 * lone surrogate in a log line, for a byte that is not UTF-8, is stored as U+FFFD.
 */
export const agentInput = object({
  state: text().optional(),
  queues: listOf(text({ min: 1 })).optional(),
  location: text().optional(),
  provision_type: text().optional(),
  job_id: text().optional(),
  log: listOf(text({ loneSurrogates: true })).optional(),
  comment: text().optional(),
  identifier: text().optional(),
});

type AgentInput = z.output<typeof agentInput>;

/** A report of an agent. */
export interface AgentReport {
  name: string;
  /** The newest write to its data that the agent knows, as its cookie names it. */
  known: string | undefined;
  input: AgentInput;
}

/**
 * Merges an agent's report into its record. Log lines are appended, and the last 100 are kept. The first client that
 * reports under an agent's name binds the name.
 * @returns the mark of the write
 * @throws ApiError 403 if the name is bound to another client and `AGENT_BINDING` is `enforce`
 */
export async function postAgentData(
  deps: Pick<LeaseServices, 'collections' | 'cutLeasesOf'> &
    Pick<AgentServices, 'updateAgent' | 'agentMemory'> &
    DepsOf<typeof noteAgentReport> &
    DepsOf<typeof maskAgentData>,
  caller: Principal,
  { name, known, input }: AgentReport,
): Promise<string> {
  const remembered = findRemembered(deps, name, known);
  // Without enforcement, the update below returns the binding, so that a heartbeat needs one round trip only.
  if (deps.config.agentBinding === 'enforce') await checkAgentName(deps, caller, name);
  const { log, ...reported } = await maskAgentData(deps, name, { input, remembered });
  const update = {
    $set: reported as Record<string, string | string[]>,
    $currentDate: { updated_at: true as const },
    ...(log !== undefined && { $push: { log: { $each: log, $slice: -maxLogLines } } }),
  };
  const addToMemory = deps.agentMemory.beginRead();
  const {
    mark,
    record,
    fields: agent,
  } = await deps.updateAgent({ name, update, remembered }, JSON.stringify(input).length);
  if (record !== undefined) addToMemory(record, mark);
  await cutLeasesOfIdle(deps, name, input.state);
  await noteAgentReport(deps, caller, name, input.job_id ?? agent?.job_id);
  if (caller.kind !== 'agent') return mark;
  if (agent?.bound_to === undefined) await bindAgentName(deps, caller, name);
  else if (isBoundToOther(agent, caller)) await refuseOrLog(deps, caller, name, leaseErrors.agentNameBound);
  return mark;
}

/** Masks the secrets of the job that the agent works on in the texts of its report. */
async function maskAgentData(
  deps: Pick<JobServices, 'findHeldJobs'> &
    Pick<ScrubbingServices, 'jobMasks'> &
    Pick<LeaseServices, 'findHolder'>,
  name: string,
  { input, remembered }: { input: AgentInput; remembered: HolderRecord | undefined },
): Promise<AgentInput> {
  // Nearly all reports have a state alone, so the job need not be read.
  if (!hasFreeText(input)) return maskFields(input, undefined);
  const record = input.job_id ? input : (remembered ?? (await deps.findHolder(name)));
  const jobId = readJobId(record?.job_id ?? '');
  const job = jobId === undefined ? undefined : await findHeldJob(deps, jobId, name);
  return maskFields(input, await findMasker(deps, job, name));
}

/** The states that stock agents report. Any other text could be a secret. */
const stockStates = new Set<string>([...phases, 'waiting', 'offline', 'maintenance', 'restart']);

function hasFreeText({ log, comment, location, identifier, provision_type, state }: AgentInput): boolean {
  if (log?.length) return true;
  const texts = [comment, location, identifier, provision_type];
  return texts.some(Boolean) || (state !== undefined && !stockStates.has(state));
}
