import { z } from 'zod';
import { holdsMoreThan } from './body-size.js';

/** What reading a value gives when it does not fit: the reasons, in the words of section 0 of the v1 contract. */
export class Refused {
  readonly reasons: readonly string[];

  constructor(...reasons: string[]) {
    this.reasons = reasons;
  }
}

/** The reason for an absent field (marshmallow's words). */
export const MISSING = 'Missing data for required field.';
/** The reason for a null where none is allowed (marshmallow's words). */
export const IS_NULL = 'Field may not be null.';
/** The reason for a body or a nested object that is no object (marshmallow's words). */
export const NO_OBJECT = 'Invalid input type.';

// A body of millions of wrong items would make a gigabyte of issues: past this many values only the first one is told.
const FULLY_CHECKED = 10_000;

/** A problem as zod keeps it before it makes an error of it: it still has the input that caused it. */
export type RawIssue = z.core.$ZodRawIssue;

/**
 * Makes a schema from one reading function and the JSON Schema that describes what it accepts.
 *
 * zod's own text and number schemas are not used for leaves: they cannot take "5" for 5 without a preprocess step, which
 * makes the field optional in the JSON Schema, and their checks do not stop a list of a million wrong items.
 */
export function leaf<T>(
  json: Record<string, unknown>,
  read: (value: unknown) => T | Refused,
  nullReason: string = IS_NULL,
): z.ZodType<T> {
  const schema = z.unknown().check((payload) => {
    const { value } = payload;
    if (value === undefined) return refuse(payload, MISSING);
    if (value === null) return refuse(payload, nullReason);
    const outcome = read(value);
    if (outcome instanceof Refused) for (const reason of outcome.reasons) refuse(payload, reason);
    else payload.value = outcome;
  });
  return schema.meta(json) as unknown as z.ZodType<T>;
}

/** Notes a reason against the value that is being checked, or against a place inside it. */
export function refuse(
  payload: z.core.ParsePayload,
  message: string,
  path: (string | number)[] = [],
  input: unknown = payload.value,
): void {
  payload.issues.push({ code: 'custom', message, input, path, inst: undefined as never });
}

/**
 * Runs a schema and gives its value and raw issues, without the cost of zod's error object.
 *
 * With `stopAtFirst` lists and objects stop at their first wrong member, so that a large wrong body costs little.
 * This is the one place that calls zod's internals (`abortEarly` is what its own `validate` passes).
 */
export function runSchema(schema: z.ZodType, value: unknown, stopAtFirst: boolean): z.core.ParsePayload {
  const context = { async: false, abortEarly: stopAtFirst };
  return schema._zod.run({ value, issues: [] }, context) as z.core.ParsePayload;
}

/** Runs a schema and gives its value or all that is wrong with it; of a value with over 10,000 values inside, the first. */
export function runFully(schema: z.ZodType, value: unknown): z.core.ParsePayload {
  const read = runSchema(schema, value, true);
  return read.issues.length === 0 || holdsMoreThan(value, FULLY_CHECKED)
    ? read
    : runSchema(schema, value, false);
}
