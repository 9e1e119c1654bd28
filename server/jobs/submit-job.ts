import { randomUUID } from 'node:crypto';
import { BSON, type WithId } from 'mongodb';
import type { Core, DepsOf } from '../core/core.js';
import { isDuplicateKey } from '../db/classify-error.js';
import { byId } from '../db/index-hint.js';
import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import { findJob } from '../job/find-job.js';
import { readJobId, readOtherCanonicalId } from '../job/job-id.js';
import type { JobRecord, UsedIdempotencyKey } from '../job/job-record.js';
import type { JobInput } from '../job/job-schema.js';
import { stateAfter } from '../job/job-state.js';
import type { JobServices } from '../job/services.js';
import { fenceEarlierRun } from '../leases/fence-earlier-run.js';
import { fenceLease } from '../leases/fencing.js';
import type { Principal } from '../principal/principal.js';
import { clearJobOutput, clearUnknownJobOutput, findJobFiles } from './clear-job-output.js';
import { type ExistingJob, existingFields } from './existing-job.js';
import { findJobIdByKey, listUnexpiredKeys, readIdempotency } from './idempotency.js';
import { isRepeat } from './is-repeat.js';
import { type SubmitCheckDeps, submitChecks } from './submit-checks.js';

/** A request to submit a job. */
export interface JobSubmission {
  caller: Principal;
  input: JobInput;
  idempotencyKey: string | undefined;
}

/**
 * Stores a job as `waiting` and returns its id: the given id as the client wrote it, or a new one. If a job with this id
 * exists, it starts again and its old output is removed. Two requests with the same `Idempotency-Key` create one job, and
 * so do two equal anonymous requests with a `job_id`, while the job waits.
 * @throws ApiError for the first check that fails
 */
export async function submitJob(
  deps: Core & Pick<JobServices, 'insertJob' | 'findJobs'> & DepsOf<typeof restart> & SubmitCheckDeps,
  { caller, input, idempotencyKey }: JobSubmission,
): Promise<string> {
  const givenId = input.job_id ? readJobId(input.job_id) : undefined;
  const usedKey = readIdempotency(idempotencyKey, caller, input, deps.clock.now());
  for (;;) {
    // Repeats are found before the checks: the first request passed them, and what they read may have changed since.
    const repeatedId = usedKey && (await findJobIdByKey(deps, usedKey));
    if (repeatedId !== undefined) return input.job_id || repeatedId;
    // Before the search for the job: another request's job of this id that is not found is newer than `now`.
    const now = deps.clock.now();
    const existing =
      givenId === undefined ? undefined : await findJob<ExistingJob>(deps, givenId, existingFields);
    const idempotency = [
      ...(existing ? listUnexpiredKeys(existing, now) : []),
      ...(usedKey ? [usedKey] : []),
    ];
    const job = makeJob({
      input,
      caller,
      jobId: existing?.job_id ?? givenId ?? randomUUID(),
      canonicalId: readOtherCanonicalId(existing?.job_id),
      idempotency,
      now,
    });
    if (existing && (await isRepeat(deps, caller, existing, job))) return input.job_id || existing.job_id;
    for (const check of submitChecks) await check({ deps, caller, input, existing });
    const bytes = checkSize(job);
    const jobId = existing
      ? await restart(deps, existing, job)
      : await insert(deps, job, { bytes, isChosenId: givenId !== undefined });
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
  /** For an id that another server stored in another form. */
  canonicalId: string | undefined;
  idempotency: UsedIdempotencyKey[];
  now: Date;
}

function makeJob({ input, caller, jobId, canonicalId, idempotency, now }: JobParts): JobRecord {
  const { job_id: _givenId, lease: _lease, attempts: _attempts, ...data } = input;
  const awaitsAttachments = sections.some((section) =>
    Array.isArray((data[section] as Attaching)?.attachments),
  );
  return {
    job_id: jobId,
    ...(canonicalId !== undefined && { canonical_id: canonicalId }),
    live: true,
    created_at: now,
    job_priority: input.job_priority ?? 0,
    job_data: {
      ...data,
      ...(awaitsAttachments && { attachments_status: 'waiting' }),
      // The claim reads the secrets of this client.
      ...(input.test_data?.secrets && { client_id: caller.clientId }),
    } as JobRecord['job_data'],
    result_data: { job_state: stateAfter('submit') },
    ...(caller.clientId !== undefined && { submitted_by: caller.clientId }),
    ...(idempotency.length > 0 && { idempotency }),
  };
}

/** Maximum bytes of a stored document (MongoDB's limit). */
const documentBytes = 16 * 1024 * 1024;

/** Bytes of a document that are kept free for the lease and the attempts. */
const reservedBytes = 16 * 1024;

/** Maximum bytes of BSON per character of JSON: those of a one-digit number in a list. */
const maxBytesPerCharacter = 16;

/**
 * Returns the approximate size of a job in bytes. A job that could be stored but, for its size, not claimed would block
 * its queue.
 * @throws ApiError 413 if the job is too large
 */
function checkSize(job: JobRecord): number {
  const length = JSON.stringify(job).length;
  // Calculating the exact size takes longer than storing the job.
  if (length * maxBytesPerCharacter < documentBytes - reservedBytes) return length;
  const bytes = BSON.calculateObjectSize(job);
  if (bytes > documentBytes - reservedBytes) throw new ApiError(commonErrors.payloadTooLarge);
  return bytes;
}

type Attaching = { attachments?: unknown } | null | undefined;

/**
 * Stores a new job and returns its id, or `undefined` if another request took the id or the key meanwhile. What is stored
 * under an id that the client chose is removed twice: before, so that a process that is killed leaves nothing, and after,
 * for what arrived in between.
 */
async function insert(
  deps: Pick<JobServices, 'insertJob'> & DepsOf<typeof clearUnknownJobOutput>,
  job: JobRecord,
  { bytes, isChosenId }: { bytes: number; isChosenId: boolean },
): Promise<string | undefined> {
  try {
    if (isChosenId) await clearUnknownJobOutput(deps, job);
    await deps.insertJob(job, bytes);
    if (isChosenId) await clearUnknownJobOutput(deps, job);
    return job.job_id;
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    return undefined;
  }
}

/**
 * Replaces an existing job and returns its id, or `undefined` if its state or attempt has changed meanwhile, or another
 * request took the key. The count of attempts continues, so that writes of the old run's holder are fenced and its
 * remaining output is not read. The old output is removed only after the replacement: a resubmission that fails removes
 * nothing of the existing run.
 */
async function restart(
  deps: Pick<JobServices, 'collections'> & DepsOf<typeof clearJobOutput>,
  existing: WithId<ExistingJob>,
  job: JobRecord,
): Promise<string | undefined> {
  const files = await findJobFiles(deps, existing.job_id);
  const guard = {
    _id: existing._id,
    created_at: existing.created_at,
    'result_data.job_state': existing.result_data.job_state,
    ...fenceLease(existing.lease),
  };
  try {
    const { matchedCount } = await deps.collections.jobs.replaceOne(
      guard as object,
      { ...job, ...fenceEarlierRun(existing, job.created_at) },
      byId,
    );
    if (matchedCount === 0) return undefined;
    await clearJobOutput(deps, existing.job_id, { attempt: (existing.lease?.attempt ?? 0) + 1, files });
    return job.job_id;
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    return undefined;
  }
}
