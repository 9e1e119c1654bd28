import type { JobServices } from '../job/services.js';
import type { Core } from '../core/core.js';
import { jobsErrors } from './errors.js';
import { sha256 } from '../crypto/digest.js';
import type { Principal } from '../principal/principal.js';
import type { JobRecord, UsedIdempotencyKey } from '../job/job-record.js';
import { ApiError } from '../errors/api-error.js';
import type { JobInput } from '../job/job-schema.js';

/** Milliseconds that an `Idempotency-Key` is remembered: a day. */
const idempotencyMs = 24 * 60 * 60 * 1000;

/** What is stored of an `Idempotency-Key`, or `undefined` without one (draft-ietf-httpapi-idempotency-key-header). */
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
 * The id of the job that this key made within the last day, or `undefined`; a key from before that is freed for its
 * next use.
 * @throws ApiError 422 when the job was made from another body.
 */
export async function findRepeated(
  { collections: { jobs }, clock }: Core & Pick<JobServices, 'collections'>,
  { key, body }: UsedIdempotencyKey,
): Promise<string | undefined> {
  const made = await jobs.findOne({ 'idempotency.key': key });
  if (made === null) return undefined;
  const spent = listRemembered(made, clock.now()).find((one) => one.key === key);
  if (spent === undefined) {
    await jobs.updateOne({ _id: made._id }, { $pull: { idempotency: { key } } });
    return undefined;
  }
  if (spent.body !== body) throw new ApiError(jobsErrors.idempotencyKeyReused);
  return made.job_id;
}

/** The keys of a job that are not a day old: a job that starts again keeps them, so that a late repeat still names it. */
export function listRemembered(job: Pick<JobRecord, 'idempotency'>, now: Date): UsedIdempotencyKey[] {
  return (job.idempotency ?? []).filter(({ at }) => at.getTime() > now.getTime() - idempotencyMs);
}
