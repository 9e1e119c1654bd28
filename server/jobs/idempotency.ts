import type { Core } from '../core/core.js';
import { sha256 } from '../crypto/digest.js';
import { ApiError } from '../errors/api-error.js';
import type { JobRecord, UsedIdempotencyKey } from '../job/job-record.js';
import type { JobInput } from '../job/job-schema.js';
import type { JobServices } from '../job/services.js';
import type { Principal } from '../principal/principal.js';
import { jobsErrors } from './errors.js';

/** Milliseconds for which an `Idempotency-Key` is valid: one day. */
const idempotencyMs = 24 * 60 * 60 * 1000;

/**
 * Returns the digests to store for an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header), or `undefined`
 * without the header.
 */
export function readIdempotency(
  header: string | undefined,
  caller: Principal,
  input: JobInput,
  now: Date,
): UsedIdempotencyKey | undefined {
  if (!header) return undefined;
  return {
    key: sha256(
      `${caller.clientId === undefined ? 'anonymous' : `client ${caller.clientId}`}\0${header}`,
      'base64url',
    ),
    body: sha256(JSON.stringify(input), 'base64url'),
    at: now,
  };
}

/**
 * Returns the id of the job that was submitted with a key within the last day, or `undefined`. Removes an older use of
 * the key, so that the key can be used again.
 * @throws ApiError 422 if the key was used with another body
 */
export async function findJobIdByKey(
  { collections: { jobs }, clock }: Core & Pick<JobServices, 'collections'>,
  { key, body }: UsedIdempotencyKey,
): Promise<string | undefined> {
  const job = await jobs.findOne({ 'idempotency.key': key }, { projection: { job_id: 1, idempotency: 1 } });
  if (job === null) return undefined;
  const used = listUnexpiredKeys(job, clock.now()).find((one) => one.key === key);
  if (used === undefined) {
    await jobs.updateOne({ _id: job._id }, { $pull: { idempotency: { key } } });
    return undefined;
  }
  if (used.body !== body) throw new ApiError(jobsErrors.idempotencyKeyReused);
  return job.job_id;
}

/**
 * Returns the keys of a job that are still valid. A resubmitted job keeps them, so that a late repeat still returns its
 * id.
 */
export function listUnexpiredKeys(job: Pick<JobRecord, 'idempotency'>, now: Date): UsedIdempotencyKey[] {
  return (job.idempotency ?? []).filter(({ at }) => at.getTime() > now.getTime() - idempotencyMs);
}
