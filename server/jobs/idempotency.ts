import { createHash } from 'node:crypto';
import type { Caller } from '../auth/caller.js';
import type { JobRecord } from '../db/collections.js';
import type { Deps } from '../deps.js';
import { ApiError } from '../http/errors.js';
import type { JobInput } from './job-schema.js';

/** Milliseconds that an `Idempotency-Key` is remembered: a day. */
const idempotencyMs = 24 * 60 * 60 * 1000;

/** The digests of a key, which is the client's own, and of the body that it came with. */
export type Idempotency = NonNullable<JobRecord['idempotency']>;

/** What is stored of an `Idempotency-Key`, or `undefined` without one (draft-ietf-httpapi-idempotency-key-header). */
export function readIdempotency(
  header: string | undefined,
  caller: Caller,
  input: JobInput,
): Idempotency | undefined {
  if (!header) return undefined;
  return {
    key: digest(`${caller.clientId === undefined ? 'anonymous' : `client ${caller.clientId}`}\0${header}`),
    body: digest(JSON.stringify(input)),
  };
}

/**
 * The id of the job that this key made within the last day, or `undefined`; a key from before that is freed for its
 * next use.
 * @throws ApiError 422 when the job was made from another body.
 */
export async function findRepeated(
  { collections: { jobs }, clock }: Deps,
  { key, body }: Idempotency,
): Promise<string | undefined> {
  const made = await jobs.findOne({ 'idempotency.key': key });
  if (made === null) return undefined;
  if (made.created_at.getTime() <= clock.now().getTime() - idempotencyMs) {
    await jobs.updateOne({ _id: made._id, 'idempotency.key': key }, { $unset: { idempotency: true } });
    return undefined;
  }
  if (made.idempotency?.body !== body) throw new ApiError('idempotency_key_reused');
  return made.job_id;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
