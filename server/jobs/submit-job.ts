import { fenceLease } from '../leases/fencing.js';
import type { JobServices } from '../job/services.js';
import type { Core, DepsOf } from '../core/core.js';
import { commonErrors } from '../errors/common-errors.js';
import { randomUUID } from 'node:crypto';
import { BSON } from 'mongodb';
import type { Principal } from '../principal/principal.js';
import type { JobRecord, UsedIdempotencyKey } from '../job/job-record.js';
import { isDuplicateKey } from '../db/classify-error.js';
import { ApiError } from '../errors/api-error.js';
import { fenceEarlierRun } from '../leases/fence-earlier-run.js';
import { clearJobOutput, findJobFiles } from './clear-job-output.js';
import { findJob } from '../job/find-job.js';
import { findRepeated, listRemembered, readIdempotency } from './idempotency.js';
import { readJobId } from '../job/job-id.js';
import { stateAfter } from '../job/job-state.js';
import type { JobInput } from '../job/job-schema.js';
import { type SubmitCheckDeps, submitChecks } from './submit-checks.js';

/** A job as it comes in. */
export interface JobSubmission {
  caller: Principal;
  input: JobInput;
  idempotencyKey: string | undefined;
}

/**
 * Stores a job as `waiting` and gives its id, as the client wrote it when it named one. A job that has this id
 * already starts again, its old output cleared. What is sent twice with one `Idempotency-Key` makes one job.
 * @throws ApiError of the first check that fails
 */
export async function submitJob(
  deps: Core & Pick<JobServices, 'insertJob'> & DepsOf<typeof restart> & SubmitCheckDeps,
  { caller, input, idempotencyKey }: JobSubmission,
): Promise<string> {
  const givenId = input.job_id ? readJobId(input.job_id) : undefined;
  const spent = readIdempotency(idempotencyKey, caller, input, deps.clock.now());
  for (;;) {
    // Before the checks, which were passed once: what they look at may have changed since.
    const made = spent && (await findRepeated(deps, spent));
    if (made !== undefined) return input.job_id || made;
    const existing = givenId === undefined ? undefined : await findJob(deps, givenId);
    const now = deps.clock.now();
    for (const check of submitChecks) await check({ deps, caller, input, existing });
    const idempotency = [...(existing ? listRemembered(existing, now) : []), ...(spent ? [spent] : [])];
    const job = makeJob({ input, caller, jobId: givenId ?? randomUUID(), idempotency, now });
    const bytes = checkRoom(job);
    const jobId = existing ? await restart(deps, existing, job) : await insert(deps, job, bytes);
    if (jobId !== undefined) return input.job_id || jobId;
  }
}

/** Sections of a job that can name attachments. */
const sections = [
  'provision_data',
  'firmware_update_data',
  'test_data',
  'allocate_data',
  'reserve_data',
] as const;

interface JobParts {
  input: JobInput;
  caller: Principal;
  jobId: string;
  idempotency: UsedIdempotencyKey[];
  now: Date;
}

function makeJob({ input, caller, jobId, idempotency, now }: JobParts): JobRecord {
  const { job_id: _givenId, lease: _lease, attempts: _attempts, ...data } = input;
  const awaitsAttachments = sections.some((section) =>
    Array.isArray((data[section] as Attaching)?.attachments),
  );
  return {
    job_id: jobId,
    live: true,
    created_at: now,
    job_priority: input.job_priority ?? 0,
    job_data: {
      ...data,
      ...(awaitsAttachments && { attachments_status: 'waiting' }),
      // Whose secrets they are; the claim reads them.
      ...(input.test_data?.secrets && { client_id: caller.clientId }),
    } as JobRecord['job_data'],
    result_data: { job_state: stateAfter('submit') },
    ...(caller.clientId !== undefined && { submitted_by: caller.clientId }),
    ...(idempotency.length > 0 && { idempotency }),
  };
}

/** Bytes of a stored document (MongoDB's limit), and those of it that leases and attempts need. */
const documentBytes = 16 * 1024 * 1024;
const roomBytes = 16 * 1024;

/** No value of JSON takes more bytes as BSON for each of its characters than a digit of a list. */
const mostBytesPerCharacter = 16;

/** About the bytes of a job. One that could be stored and never claimed would hold up its queue. @throws ApiError 413 */
function checkRoom(job: JobRecord): number {
  const length = JSON.stringify(job).length;
  // To count them takes longer than to store the job.
  if (length * mostBytesPerCharacter < documentBytes - roomBytes) return length;
  const bytes = BSON.calculateObjectSize(job);
  if (bytes > documentBytes - roomBytes) throw new ApiError(commonErrors.payloadTooLarge);
  return bytes;
}

type Attaching = { attachments?: unknown } | null | undefined;

/** The stored job's id, or `undefined` when another request took the id or the key meanwhile. */
async function insert(
  deps: Pick<JobServices, 'insertJob'>,
  job: JobRecord,
  bytes: number,
): Promise<string | undefined> {
  try {
    await deps.insertJob(job, bytes);
    return job.job_id;
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    return undefined;
  }
}

/**
 * Guarded by the state and attempt that were seen. The attempt goes on, so that an agent which still holds the old
 * run is fenced, and what is left of its output is not read. Only then that is cleared: a resubmission that fails takes
 * nothing from the run that is there.
 */
async function restart(
  deps: Pick<JobServices, 'collections'> & DepsOf<typeof clearJobOutput>,
  seen: JobRecord,
  job: JobRecord,
): Promise<string | undefined> {
  const files = await findJobFiles(deps, seen.job_id);
  const guard = {
    job_id: seen.job_id,
    created_at: seen.created_at,
    'result_data.job_state': seen.result_data.job_state,
    ...fenceLease(seen.lease),
  };
  try {
    const { matchedCount } = await deps.collections.jobs.replaceOne(guard as object, {
      ...job,
      ...fenceEarlierRun(seen, job.created_at),
    });
    if (matchedCount === 0) return undefined;
    await clearJobOutput(deps, seen.job_id, { attempt: (seen.lease?.attempt ?? 0) + 1, files });
    return job.job_id;
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    return undefined;
  }
}
