import type { z } from 'zod';
import { runFully } from './leaf.js';
import type { NestedReasons } from './present-issues.js';
import { presentIssues } from './present-issues.js';
import { isJsonMap, setOwn } from './set-own.js';

export { isDeeperThan } from './body-size.js';
export { anyMap, anything, listOf, mapOf, object, openObject } from './containers.js';
export type { NestedReasons } from './present-issues.js';
export { bool, dateTime, email, integer, oneOf, text, url } from './scalars.js';
export type { JsonMap } from './set-own.js';
export { toJsonSchema } from './to-json-schema.js';

/** The result of reading a body or a query. */
export type ReadResult<T> = { ok: true; value: T } | { ok: false; errors: NestedReasons };

/**
 * Reads a body or a query with a schema; returns its value with the fields in the order sent, or the reasons why it is
 * invalid.
 *
 * It never throws for a JSON value. `errors` is the value of "json" or "query" in the 422 (v1 contract, section 0).
 */
export function readInput<S extends z.ZodType>(schema: S, value: unknown): ReadResult<z.output<S>> {
  const { value: made, issues } = runFully(schema, value);
  if (issues.length) return { ok: false, errors: presentIssues(issues) };
  return { ok: true, value: restoreSentOrder(value, made) as z.output<S> };
}

// zod returns fields in the order of its shape, but an agent should get a job's data as sent. This recurses only into
// objects that a schema rebuilt, so no deeper than the schema: a value that is returned unchanged is the same object.
function restoreSentOrder(sent: unknown, made: unknown): unknown {
  if (made === sent) return made;
  if (Array.isArray(made) && Array.isArray(sent))
    return made.map((item, i) => restoreSentOrder(sent[i], item));
  if (!isJsonMap(made) || !isJsonMap(sent) || made instanceof Date) return made;
  const ordered = {};
  for (const key of Object.keys(sent)) {
    if (Object.hasOwn(made, key)) setOwn(ordered, key, restoreSentOrder(sent[key], made[key]));
  }
  for (const key of Object.keys(made)) {
    if (!Object.hasOwn(sent, key)) setOwn(ordered, key, made[key]);
  }
  return ordered;
}
