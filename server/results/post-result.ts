import type { LeaseServices } from '../leases/services.js';
import type { LogServices } from '../logs/services.js';
import type { DepsOf, Core } from '../core/core.js';
import type { JobServices } from '../job/services.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import type { Document, Filter } from 'mongodb';
import type { Principal } from '../principal/principal.js';
import type { JobRecord } from '../job/job-record.js';
import type { ResultInput } from './result-input.js';
import { endedStates, isAllowing } from '../job/job-state.js';
import { type Hold, holdJob, noteAdoption } from '../leases/held-job.js';
import { keepLate } from '../leases/keep-late.js';
import type { TextMasker } from '../scrubbing/text-masker.js';
import { maskResult } from './mask-result.js';
import { endLease, renewUnlessEnded, startLease } from '../leases/renew-lease.js';

/**
 * Stores each field that is given in place of the stored one; for its holder with one write, which prolongs the lease
 * too. A job that has ended keeps its state, such as `cancelled`, against the phases that its agent still names; the
 * agent's last word, `complete`, is stored and ends the lease. Nothing is stored for a job that does not exist.
 * @returns false when the job is no longer its sender's: what it sent is kept apart
 */
export async function postResult(
  deps: Pick<LogServices, 'heldTails'> & Pick<LeaseServices, 'updateHeldJob'> & DepsOf<typeof holdJob>,
  caller: Principal,
  jobId: string,
  given: ResultInput,
): Promise<boolean> {
  const input = leaveQueueWords(deps, given);
  if (await writeAsHolder(deps, caller, jobId, maskResult(input, undefined))) return true;
  for (;;) {
    const hold = await holdJob(deps, caller, jobId, { writes: true });
    if (hold.job === undefined) return true;
    if (hold.isLost) {
      await keepLate(deps, hold, { kind: 'result', mask: (masker) => maskResult(input, masker) });
      return false;
    }
    const masker = await deps.jobMasks.find(hold.job);
    if (!(await write(deps, hold, maskResult(input, masker)))) continue;
    if (hold.job.lease?.holder === undefined) await noteAdoption(deps, hold.job);
    if (masker !== undefined) await endStreams(deps, jobId, masker, input);
    return true;
  }
}

/** Only the queue makes a job `waiting` or `running`: an agent that told so would give it away unnoticed. */
function leaveQueueWords({ config }: Pick<LeaseServices, 'config'>, input: ResultInput): ResultInput {
  const { job_state: state, ...others } = input;
  return config.agentLeases === 'on' && (state === 'waiting' || state === 'running') ? others : input;
}

async function write(
  deps: Core & Pick<JobServices, 'collections'> & Pick<LeaseServices, 'config'>,
  hold: Hold,
  input: ResultInput,
): Promise<boolean> {
  const { matchedCount } = await deps.collections.jobs.updateOne(guardHold(hold), [
    { $set: { ...changeResult(input), ...changeLease(deps, hold, input) } },
  ]);
  return matchedCount === 1;
}

/** Phases that have a status have ended, and so have their logs; with the job all have. */
async function endStreams(
  deps: Pick<ScrubbingServices, 'jobMasks'> & Pick<LogServices, 'heldTails'>,
  jobId: string,
  masker: TextMasker,
  input: ResultInput,
): Promise<void> {
  if (isEnd(input)) {
    await deps.heldTails.release(jobId, masker);
    await deps.jobMasks.expireSoon(jobId);
  } else if (input.status !== undefined) {
    await deps.heldTails.release(jobId, masker, Object.keys(input.status));
  }
}

/** The way of nearly every post: one statement, where the holder of a job without secrets sends it. */
async function writeAsHolder(
  deps: Core & Pick<LeaseServices, 'config' | 'updateHeldJob'>,
  caller: Principal,
  jobId: string,
  input: ResultInput,
): Promise<boolean> {
  const { agentName: agent } = caller;
  if (agent === undefined || deps.config.agentLeases === 'off') return false;
  // A job that has not ended is in the phase that is told once it is written, and needs no lease by what it was in.
  const state = input.job_state === undefined ? nextState(input) : { $literal: input.job_state };
  const lease = isEnd(input) ? endLease : renewUnlessEnded(deps, state);
  const update = [{ $set: { ...changeResult(input), ...lease } }];
  return deps.updateHeldJob({ jobId, holder: agent, update }, JSON.stringify(input).length);
}

/** What was seen of the job must still be true, unless whoever sends it is nobody's holder. */
function guardHold({ job, agent }: Hold): Filter<JobRecord> {
  const holder = job?.lease?.holder;
  const guard = {
    _id: job?._id,
    ...(agent !== undefined && { 'lease.holder': holder ?? { $exists: false } }),
    ...(holder !== undefined && agent !== undefined && { 'lease.attempt': job?.lease?.attempt }),
  };
  return guard as Filter<JobRecord>;
}

function changeResult(input: ResultInput): Document {
  const { job_state: state, ...fields } = input;
  const set: Document = {};
  // As literals, since a text that begins with a dollar would name a field.
  for (const [field, value] of Object.entries(fields)) set[`result_data.${field}`] = { $literal: value };
  if (state !== undefined) set['result_data.job_state'] = nextState(input);
  return set;
}

/** An agent that names the phase of a job which nobody holds becomes its holder. */
function changeLease(
  deps: Core & Pick<LeaseServices, 'config'>,
  { job, agent }: Hold,
  input: ResultInput,
): Document {
  if (isEnd(input)) return endLease;
  if (agent === undefined) return {};
  if (job?.lease?.holder === agent) return renewUnlessEnded(deps, nextState(input));
  if (input.job_state === undefined || endedStates.includes(job?.result_data.job_state ?? '')) return {};
  return {
    'lease.holder': { $literal: agent },
    'lease.attempt': { $ifNull: ['$lease.attempt', 1] },
    ...startLease(deps, nextState(input)),
  };
}

function isEnd({ job_state: state }: Pick<ResultInput, 'job_state'>): boolean {
  return state !== undefined && endedStates.includes(state);
}

/** The state that is stored then: a phase only where the table of states allows to enter one. */
function nextState(input: Pick<ResultInput, 'job_state'>): unknown {
  const current = '$result_data.job_state';
  if (input.job_state === undefined) return current;
  const told = { $literal: input.job_state };
  return { $cond: [isAllowing(isEnd(input) ? 'finish' : 'enter_phase'), told, current] };
}
