import { z } from 'zod';
import { bool, integer, object, text } from '../schema/schema.js';

const year = 365 * 24 * 3600;

/** Seconds after which a secret expires that names no expiry and is not ephemeral. */
export const defaultExpirySeconds = year;

/** Body of PUT secrets; `expire_after` is in seconds, up to 100 years. */
export const secretInput = object({
  value: text({ min: 1 }),
  expire_after: integer({ min: 1, max: 100 * year })
    .nullable()
    .optional(),
  ephemeral: bool().optional(),
});

/** What PUT secrets is given. */
export type SecretInput = z.output<typeof secretInput>;

/** When the secret expires, in the form that older Python clients read; `null` for an ephemeral one. */
export const secretAnswer = z.strictObject({ expires_at: z.string().nullable() });
