import { createHash } from 'node:crypto';
import type { Caller } from '../auth/caller.js';
import type { JobRecord } from '../db/collections.js';
import { ApiError } from '../http/errors.js';
import type { JobInput } from './job-schema.js';

/** Milliseconds that an `Idempotency-Key` is remembered: a day. */
export const idempotencyMs = 24 * 60 * 60 * 1000;

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
 * Whether a stored job is the one that this key made within the last day.
 * @throws ApiError 422 when it is, but was made from another body.
 */
export function isRepeat(job: JobRecord, idempotency: Idempotency, now: Date): boolean {
  const stored = job.idempotency;
  if (stored?.key !== idempotency.key || job.created_at.getTime() <= now.getTime() - idempotencyMs)
    return false;
  if (stored.body !== idempotency.body) throw new ApiError('idempotency_key_reused');
  return true;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
