import { createHash } from 'node:crypto';
import type { Caller } from '../principal/principal.js';
import type { JobRecord, SpentKey } from '../db/collections.js';
import type { Deps } from '../deps.js';
import { ApiError } from '../errors/api-error.js';
import type { JobInput } from './job-schema.js';

/** Milliseconds that an `Idempotency-Key` is remembered: a day. */
const idempotencyMs = 24 * 60 * 60 * 1000;

/** What is stored of an `Idempotency-Key`, or `undefined` without one (draft-ietf-httpapi-idempotency-key-header). */
export function readIdempotency(
  header: string | undefined,
  caller: Caller,
  input: JobInput,
  now: Date,
): SpentKey | undefined {
  if (!header) return undefined;
  return {
    key: digest(`${caller.clientId === undefined ? 'anonymous' : `client ${caller.clientId}`}\0${header}`),
    body: digest(JSON.stringify(input)),
    at: now,
  };
}

/**
 * The id of the job that this key made within the last day, or `undefined`; a key from before that is freed for its
 * next use.
 * @throws ApiError 422 when the job was made from another body.
 */
export async function findRepeated(
  { collections: { jobs }, clock }: Deps,
  { key, body }: SpentKey,
): Promise<string | undefined> {
  const made = await jobs.findOne({ 'idempotency.key': key });
  if (made === null) return undefined;
  const spent = listRemembered(made, clock.now()).find((one) => one.key === key);
  if (spent === undefined) {
    await jobs.updateOne({ _id: made._id }, { $pull: { idempotency: { key } } });
    return undefined;
  }
  if (spent.body !== body) throw new ApiError('idempotency_key_reused');
  return made.job_id;
}

/** The keys of a job that are not a day old: a job that starts again keeps them, so that a late repeat still names it. */
export function listRemembered(job: Pick<JobRecord, 'idempotency'>, now: Date): SpentKey[] {
  return (job.idempotency ?? []).filter(({ at }) => at.getTime() > now.getTime() - idempotencyMs);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
