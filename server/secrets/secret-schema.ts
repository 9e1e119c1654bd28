import { z } from 'zod';
import { bool, integer, object, text } from '../schema/schema.js';

const yearSeconds = 365 * 24 * 3600;

/** Lifetime, in seconds, of a secret that is not ephemeral and is stored without `expire_after`. */
export const defaultExpirySeconds = yearSeconds;

/** Request body of PUT secrets. `expire_after` is in seconds, at most 100 years; null for a secret that never expires. */
export const secretInput = object({
  value: text({ min: 1 }),
  expire_after: integer({ min: 1, max: 100 * yearSeconds })
    .nullable()
    .optional(),
  ephemeral: bool().optional(),
});

/** The parsed request body of PUT secrets. */
export type SecretInput = z.output<typeof secretInput>;

/**
 * Response body of PUT secrets: the expiry in a format that older Python clients parse; `null` for a secret that does
 * not expire.
 */
export const secretResponse = z.strictObject({ expires_at: z.string().nullable() });
