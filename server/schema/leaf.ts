import { z } from 'zod';
import { hasMoreValuesThan } from './body-size.js';

/** The result of reading an invalid value: the reasons, with the texts of section 0 of the v1 contract. */
export class Refused {
  readonly reasons: readonly string[];

  constructor(...reasons: string[]) {
    this.reasons = reasons;
  }
}

/** The reason for a missing field (marshmallow's text). */
export const MISSING = 'Missing data for required field.';
/** The reason for a text with half of a surrogate pair, which UTF-8 and BSON cannot hold (marshmallow's text). */
export const NOT_UTF8 = 'Not a valid utf-8 string.';
/** The reason for a null where none is allowed (marshmallow's text). */
export const IS_NULL = 'Field may not be null.';
/** The reason for a body or a nested object that is not an object (marshmallow's text). */
export const NOT_OBJECT = 'Invalid input type.';

// A body with millions of invalid items would create a gigabyte of issues: with more values than this, only the first is reported.
const MAX_FULLY_CHECKED = 10_000;

/** A problem in zod's internal form, which still has the input that caused it. */
export type RawIssue = z.core.$ZodRawIssue;

/**
 * Makes a schema from one reading function and the JSON Schema that describes what it accepts.
 *
 * zod's own text and number schemas do not suit leaves: they cannot read "5" as 5 without a preprocess step, which makes
 * the field optional in the JSON Schema, and their checks do not stop early in a list of a million invalid items.
 */
export function leaf<T>(
  json: Record<string, unknown>,
  read: (value: unknown) => T | Refused,
  nullReason: string = IS_NULL,
): z.ZodType<T> {
  const schema = z.unknown().check((payload) => {
    const { value } = payload;
    if (value === undefined) return addIssue(payload, MISSING);
    if (value === null) return addIssue(payload, nullReason);
    const outcome = read(value);
    if (outcome instanceof Refused) for (const reason of outcome.reasons) addIssue(payload, reason);
    else payload.value = outcome;
  });
  return schema.meta(json) as unknown as z.ZodType<T>;
}

/** Adds a reason for the value that is being checked, or for the value at `path` inside it. */
export function addIssue(
  payload: z.core.ParsePayload,
  message: string,
  path: (string | number)[] = [],
  input: unknown = payload.value,
): void {
  payload.issues.push({ code: 'custom', message, input, path, inst: undefined as never });
}

/**
 * Runs a schema and returns its value and raw issues, without the cost of zod's error object.
 *
 * With `stopAtFirst`, lists and objects stop at their first invalid member, so that a large invalid body costs little.
 * Only this function calls zod's internals (zod's own `validate` passes `abortEarly`).
 */
export function runSchema(schema: z.ZodType, value: unknown, stopAtFirst: boolean): z.core.ParsePayload {
  const context = { async: false, abortEarly: stopAtFirst };
  return schema._zod.run({ value, issues: [] }, context) as z.core.ParsePayload;
}

/** Runs a schema and returns its value, or all issues; only the first issue if the input has over 10,000 values. */
export function runFully(schema: z.ZodType, value: unknown): z.core.ParsePayload {
  const read = runSchema(schema, value, true);
  return read.issues.length === 0 || hasMoreValuesThan(value, MAX_FULLY_CHECKED)
    ? read
    : runSchema(schema, value, false);
}
