import type { Document, Filter } from 'mongodb';
import type { Core, DepsOf } from '../core/core.js';
import { byId } from '../db/index-hint.js';
import type { JobRecord } from '../job/job-record.js';
import { endedStates, expressionAllowing } from '../job/job-state.js';
import { noteEnded, noteEntered } from '../job/job-times.js';
import type { JobServices } from '../job/services.js';
import { fenceLease } from '../leases/fencing.js';
import { type Hold, holdJob, noteAdoption } from '../leases/hold-job.js';
import { keepLate } from '../leases/keep-late.js';
import { endLease, renewUnlessEnded, setHolder, startLease } from '../leases/renew-lease.js';
import type { LeaseServices } from '../leases/services.js';
import type { LogServices } from '../logs/services.js';
import type { Principal } from '../principal/principal.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import type { TextMasker } from '../scrubbing/text-masker.js';
import { maskResult } from './mask-result.js';
import type { ResultInput } from './result-input.js';

/**
 * Replaces each stored field of a result that the input contains. A post from the job's holder is one write, which also
 * renews the lease. A job that has ended keeps its state, such as `cancelled`, if its agent reports another phase. The
 * final state `complete` is stored and ends the lease. Nothing is stored for a job that does not exist.
 * @returns false if the sender lost the job or never held it: `keepLate` then stores the input with a lost attempt
 */
export async function postResult(
  deps: Pick<LogServices, 'heldTails'> & Pick<LeaseServices, 'updateHeldJob'> & DepsOf<typeof holdJob>,
  caller: Principal,
  jobId: string,
  posted: ResultInput,
): Promise<boolean> {
  const input = omitQueueStates(deps, posted);
  if (await writeAsHolder(deps, caller, jobId, maskResult(input, undefined))) return true;
  for (;;) {
    const hold = await holdJob(deps, caller, jobId, { writes: true });
    if (hold.job === undefined) return true;
    if (hold.isLost) {
      await keepLate(deps, hold, { kind: 'result', mask: (masker) => maskResult(input, masker) });
      return false;
    }
    const masker = await deps.jobMasks.find(hold.job);
    if (!(await write(deps, caller, hold, maskResult(input, masker)))) continue;
    if (hold.job.lease?.holder === undefined) await noteAdoption(deps, hold.job);
    if (masker !== undefined) await endStreams(deps, hold.job.job_id, masker, input);
    return true;
  }
}

/**
 * Removes the states `waiting` and `running`, which only the server sets: an agent that reported one would release its
 * job unnoticed.
 */
function omitQueueStates({ config }: Pick<LeaseServices, 'config'>, input: ResultInput): ResultInput {
  const { job_state: state, ...others } = input;
  return config.agentLeases === 'on' && (state === 'waiting' || state === 'running') ? others : input;
}

async function write(
  deps: Core & Pick<JobServices, 'collections'> & Pick<LeaseServices, 'config'>,
  caller: Principal,
  hold: Hold,
  input: ResultInput,
): Promise<boolean> {
  const { matchedCount } = await deps.collections.jobs.updateOne(
    guardHold(hold),
    [{ $set: { ...changeResult(deps, input), ...changeLease(deps, caller, hold, input) } }],
    byId,
  );
  return matchedCount === 1;
}

/** Releases the held text of logs that have ended: those of phases with a status, or all logs at the job's end. */
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

/** Stores a result in one statement if its sender holds the job and the job has no secrets, as in nearly all posts. */
async function writeAsHolder(
  deps: Core & Pick<LeaseServices, 'config' | 'updateHeldJob'>,
  caller: Principal,
  jobId: string,
  input: ResultInput,
): Promise<boolean> {
  const { agentName: agent, clientId } = caller;
  if (agent === undefined || deps.config.agentLeases === 'off') return false;
  // A job that has not ended enters the reported phase with this write, whatever state it was in: that phase counts.
  const state = input.job_state === undefined ? nextState(input) : { $literal: input.job_state };
  const lease = isEnd(input) ? endLease : renewUnlessEnded(deps, state);
  const update = [{ $set: { ...changeResult(deps, input), ...lease } }];
  return deps.updateHeldJob({ jobId, holder: agent, clientId, update }, JSON.stringify(input).length);
}

/** Matches the job if its lease is unchanged since it was read. For a sender that is not an agent, any lease matches. */
function guardHold({ job, agent }: Hold): Filter<JobRecord> {
  return { _id: job?._id, ...(agent !== undefined && fenceLease(job?.lease)) } as Filter<JobRecord>;
}

function changeResult({ clock }: Pick<Core, 'clock'>, input: ResultInput): Document {
  const { job_state: state, ...fields } = input;
  const set: Document = {};
  // Literals, because MongoDB reads a text that begins with a dollar sign as a field name.
  for (const [field, value] of Object.entries(fields)) set[`result_data.${field}`] = { $literal: value };
  if (state === undefined) return set;
  set['result_data.job_state'] = nextState(input);
  return Object.assign(set, isEnd(input) ? noteEnded(clock) : noteEntered(clock, state));
}

/** Returns the changes of the lease. An agent that reports the phase of a job without a holder becomes its holder. */
function changeLease(
  deps: Core & Pick<LeaseServices, 'config'>,
  { clientId }: Principal,
  { job, agent }: Hold,
  input: ResultInput,
): Document {
  if (isEnd(input)) return endLease;
  if (agent === undefined) return {};
  if (job?.lease?.holder === agent) return renewUnlessEnded(deps, nextState(input));
  if (input.job_state === undefined || endedStates.includes(job?.result_data.job_state ?? '')) return {};
  return {
    ...setHolder(agent, clientId),
    'lease.attempt': { $ifNull: ['$lease.attempt', 1] },
    ...startLease(deps, nextState(input)),
  };
}

function isEnd({ job_state: state }: Pick<ResultInput, 'job_state'>): boolean {
  return state !== undefined && endedStates.includes(state);
}

/** Returns the expression of the state to store: the reported state if the job state table allows the change. */
function nextState(input: Pick<ResultInput, 'job_state'>): unknown {
  const current = '$result_data.job_state';
  if (input.job_state === undefined) return current;
  const reported = { $literal: input.job_state };
  return { $cond: [expressionAllowing(isEnd(input) ? 'finish' : 'enter_phase'), reported, current] };
}
