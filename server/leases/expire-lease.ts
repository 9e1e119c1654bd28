import type { Document, WithId } from 'mongodb';
import type { Core, DepsOf } from '../core/core.js';
import { classifyDatabaseError } from '../db/classify-error.js';
import { byId } from '../db/index-hint.js';
import type { JobRecord } from '../job/job-record.js';
import { filterAllowing, type JobEvent, readJobState, stateAfter } from '../job/job-state.js';
import { type Phase, phases } from '../job/phases.js';
import type { JobServices } from '../job/services.js';
import { closeLogs } from '../logs/log-segments.js';
import { findNextNumbers, writePendingLine } from '../logs/server-line.js';
import type { LogServices } from '../logs/services.js';
import { namesSecrets } from '../scrubbing/job-masks.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import { fenceLease } from './fencing.js';
import { hasOtherLiveAgent } from './live-agents.js';
import { endLease, noHolder } from './renew-lease.js';
import type { LeaseServices } from './services.js';

/** Maximum number of closed attempts that a job keeps: the newest. */
const maxAttemptsKept = 10;

/** The status of the phase in which the last attempt was lost: EX_TEMPFAIL of sysexits.h. */
const lostStatus = 75;

/** A job whose lease has ended, as the sweep reads it. */
export type ExpiredJob = WithId<
  Pick<JobRecord, 'job_id' | 'job_data' | 'result_data' | 'lease' | 'log_segments'>
>;

/**
 * Takes a job from a holder that gave no sign of life (leases.md, section 3): the job waits again in its place, or is
 * complete when it has no attempt left. One update, fenced, and guarded by the end of the lease and the state, so that a
 * sign of life, a result or a cancel at the same moment wins.
 * @returns the event that happened; `undefined` when the job had changed meanwhile
 */
export async function expireLease(
  deps: Pick<LeaseServices, 'collections' | 'config'> &
    DepsOf<typeof releaseCancelled> &
    DepsOf<typeof writePendingLine>,
  job: ExpiredJob,
): Promise<JobEvent | 'let_go' | undefined> {
  const state = readJobState(job.result_data.job_state);
  if (state !== 'running' && state !== 'phase') return releaseCancelled(deps, job);
  const count = (job.lease?.losses ?? 0) + 1;
  const isLast = count >= deps.config.jobMaxAttempts;
  const phase = readPhase(job.result_data.job_state);
  const next = await findNextNumbers(deps, job);
  const event = isLast ? 'give_up' : 'lose';
  const { holder, attempt, until } = job.lease ?? {};
  const text = `Queuepass: ${holder} was lost, attempt ${count} of ${deps.config.jobMaxAttempts}\n`;
  const line = { phase, number: next.output, text };
  const change = isLast ? giveUp(deps, job, phase) : await lose(deps, job, next);
  if (!(await write(deps, job, event, { ...change, pending_line: { $literal: line } }))) return undefined;
  await endStreams(deps, job, isLast);
  await writePendingLine(deps, { job_id: job.job_id, pending_line: line });
  deps.log.warn(
    {
      job_id: job.job_id,
      agent: holder,
      attempt,
      lease_until: until,
      state: job.result_data.job_state,
      event,
      reason: 'lease_expired',
    },
    'took a job from an agent that sent nothing',
  );
  return event;
}

/** Stores the ends of log pieces that were held back, since no further piece will come. */
async function endStreams(
  deps: Pick<ScrubbingServices, 'jobMasks'> & Pick<LogServices, 'heldTails'>,
  job: ExpiredJob,
  isLast: boolean,
): Promise<void> {
  const masker = await deps.jobMasks.find(job);
  if (masker === undefined) return;
  await deps.heldTails.release(job.job_id, masker);
  if (isLast) await deps.jobMasks.expireSoon(job.job_id);
}

/** The phase that a job was in, as its result names it; `test` where it names none. */
function readPhase(word: string): Phase {
  if (word === 'allocated') return 'allocate';
  return phases.find((phase) => phase === word) ?? 'test';
}

/** Takes a cancelled job from a holder that never reported its end; the job keeps its state. */
async function releaseCancelled(
  deps: Core &
    Pick<JobServices, 'collections'> &
    Pick<ScrubbingServices, 'jobMasks'> &
    Pick<LogServices, 'heldTails'>,
  job: ExpiredJob,
): Promise<'let_go' | undefined> {
  const change = { ...noHolder, ...endLease, ...closeAttempt(deps, job, false) };
  if (!(await write(deps, job, undefined, change))) return undefined;
  await endStreams(deps, job, true);
  const { holder, attempt, until } = job.lease ?? {};
  deps.log.info(
    {
      job_id: job.job_id,
      agent: holder,
      attempt,
      lease_until: until,
      state: job.result_data.job_state,
      event: 'let_go',
      reason: 'lease_expired',
    },
    'the agent of a cancelled job never reported that it stopped',
  );
  return 'let_go';
}

/** The fields of a job whose last attempt was lost: the statuses and the device of the attempt stay as the result. */
function giveUp(deps: Core, job: ExpiredJob, phase: Phase): Document {
  const status = '$result_data.status';
  const known = { $cond: [{ $eq: [{ $type: status }, 'object'] }, status, {}] };
  return {
    'result_data.job_state': stateAfter('give_up'),
    ended_at: deps.clock.inDatabase,
    'result_data.status': { $mergeObjects: [known, { [phase]: lostStatus }] },
    ...noHolder,
    'lease.losses': { $add: [{ $ifNull: ['$lease.losses', 0] }, 1] },
    ...endLease,
    ...closeAttempt(deps, job, false),
  };
}

/** The fields of a job that waits again; the results of the lost attempt are kept with the attempt. */
async function lose(
  deps: Core & Pick<LeaseServices, 'collections'>,
  job: ExpiredJob,
  next: { output: number; serial: number },
): Promise<Document> {
  const holder = job.lease?.holder ?? '';
  const isPassedOver = await hasOtherLiveAgent(deps, job.job_data, [holder]);
  return {
    'result_data.job_state': stateAfter('lose'),
    'result_data.status': '$$REMOVE',
    'result_data.device_info': '$$REMOVE',
    artifact_file: '$$REMOVE',
    started_at: '$$REMOVE',
    phase_times: '$$REMOVE',
    wake_at: '$$NOW',
    ...noHolder,
    'lease.losses': { $add: [{ $ifNull: ['$lease.losses', 0] }, 1] },
    ...endLease,
    ...closeAttempt(deps, job, true),
    log_segments: { $literal: closeLogs(job, { ...next, output: next.output + 1 }) },
    ...(isPassedOver && {
      lost_holders: { $setUnion: [{ $ifNull: ['$lost_holders', []] }, [{ $literal: holder }]] },
    }),
  };
}

/** The entry of the attempt that ends; with its results, unless they stay with the job. */
function closeAttempt({ clock }: Core, job: ExpiredJob, withResult: boolean): Document {
  const entry = {
    attempt: '$lease.attempt',
    holder: '$lease.holder',
    client_id: '$lease.client_id',
    started_at: '$started_at',
    ended_at: clock.inDatabase,
    reason: 'lease_expired',
    state: '$result_data.job_state',
    ...(namesSecrets(job) && { masked: true }),
    ...(withResult && {
      status: '$result_data.status',
      device_info: '$result_data.device_info',
      artifact_file: '$artifact_file',
      phase_times: '$phase_times',
    }),
  };
  const attempts = { $concatArrays: [{ $ifNull: ['$attempts', []] }, [entry]] };
  return { attempts: { $slice: [attempts, -maxAttemptsKept] } };
}

async function write(
  deps: Core & Pick<JobServices, 'collections'>,
  job: ExpiredJob,
  event: JobEvent | undefined,
  change: Document,
): Promise<boolean> {
  const guard = {
    _id: job._id,
    ...fenceLease(job.lease),
    'lease.until': job.lease?.until,
    ...(event ? filterAllowing(event) : { 'result_data.job_state': job.result_data.job_state }),
  };
  const update = (fields: Document) =>
    deps.collections.jobs.updateOne(guard as object, [{ $set: fields }], byId);
  try {
    return (await update(change)).matchedCount === 1;
  } catch (error) {
    if (classifyDatabaseError(error) !== 'too_large') throw error;
    // Together with the earlier attempts, the results of this one would exceed the limit of a document.
    return (await update({ ...change, ...closeAttempt(deps, job, false) })).matchedCount === 1;
  }
}
