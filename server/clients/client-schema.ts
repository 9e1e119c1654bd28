import { z } from 'zod';
import { roles } from '../principal/roles.js';
import { bool, email, integer, mapOf, object, oneOf, openObject, text } from '../schema/schema.js';

/**
 * Body of PUT client-permissions: each field replaces the whole stored field. `disabled` is stored apart from the record, in
 * `disabled_clients`.
 */
export const clientInput = object({
  client_secret: text({ min: 15 }).optional(),
  max_priority: mapOf(integer()).optional(),
  max_reservation_time: mapOf(integer()).optional(),
  role: oneOf(...roles).optional(),
  email: email().optional(),
  disabled: bool().optional(),
});

/** The body of PUT client-permissions, as read. */
export type ClientInput = z.output<typeof clientInput>;

/** Query of PUT client-permissions; `key_label` labels the key that `generate_key` makes. */
export const clientQuery = openObject({
  generate_key: bool().optional(),
  key_label: text({ max: 200 }).optional(),
});

/** Body of a request for a new client key; `expires_after` is in seconds, up to 100 years. */
export const keyInput = object({
  expires_after: integer({ min: 1, max: 100 * 365 * 24 * 3600 }).optional(),
  label: text({ max: 200 }).optional(),
});

/** The body of a request for a new client key, as read. */
export type KeyInput = z.output<typeof keyInput>;

/** A client as the API returns it. */
export const clientAnswer = z.strictObject({
  client_id: z.string(),
  role: z.string(),
  max_priority: z.record(z.string(), z.unknown()),
  max_reservation_time: z.record(z.string(), z.unknown()),
  allowed_queues: z.array(z.string()),
  email: z.string().optional(),
  disabled: z.literal(true).optional(),
});

/** A client with its new key, which is returned only once. */
export const madeClientAnswer = z.strictObject({
  client_id: z.string(),
  key_id: z.string(),
  client_key: z.string(),
});

/** A client's new key, which is returned only once. */
export const madeKeyAnswer = z.strictObject({
  key_id: z.string(),
  client_key: z.string(),
  expires_at: z.string().nullable(),
});

/** A key as the list returns it, without its secret. */
export const keyAnswer = z.strictObject({
  key_id: z.string(),
  label: z.string().nullable(),
  created_at: z.string(),
  expires_at: z.string().nullable(),
  last_used_on: z.string().nullable(),
});

/** A refresh token as the list returns it; the token itself is never returned again. */
export const tokenAnswer = z.strictObject({
  token_id: z.string(),
  key_id: z.string().nullable(),
  issued_at: z.string().nullable(),
  expires_at: z.string().nullable(),
  last_used_at: z.string().nullable(),
});
