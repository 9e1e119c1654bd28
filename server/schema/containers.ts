import { z } from 'zod';
import { addIssue, IS_NULL, leaf, MISSING, NOT_UTF8, Refused, runFully } from './leaf.js';
import { isLong } from './long.js';
import type { JsonMap } from './set-own.js';
import { isJsonMap, setOwn } from './set-own.js';
import { toJsonSchema } from './to-json-schema.js';

const NOT_MAP = 'Not a valid mapping type.';
const NUL_KEY = 'Keys must not contain NUL characters.';
const TYPE_KEY = 'Keys must not be "_bsontype".';
const OUT_OF_RANGE = 'Numbers must be finite, and integers must have at most 64 bits.';
const MAX_WRONG_ENTRIES = 100;

/** A list; `min` is the minimum number of items. */
export function listOf<S extends z.ZodType>(item: S, rules: { min?: number } = {}): z.ZodArray<S> {
  const list = z.array(item);
  return rules.min === undefined ? list : list.min(rules.min);
}

/** An object with these fields only; any other is refused with `Unknown field.` */
export function object<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape);
}

/** An object with these fields; others are allowed, and dropped from the value. */
export function openObject<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strip> {
  return z.object(shape);
}

/** A map whose values match a schema; the first 100 invalid entries are reported, each as `{entry: {"key": [...], "value": [...]}}`. */
export function mapOf<S extends z.ZodType>(
  value: S,
  rules: { keyPattern?: RegExp } = {},
): z.ZodType<Record<string, z.output<S>>> {
  const { keyPattern } = rules;
  const json = {
    type: 'object',
    additionalProperties: toJsonSchema(value),
    ...(keyPattern && { propertyNames: { pattern: keyPattern.source } }),
  };
  const schema = z.unknown().check((payload) => {
    const sent = payload.value;
    if (!isJsonMap(sent))
      return addIssue(payload, sent === undefined ? MISSING : sent === null ? IS_NULL : NOT_MAP);
    const made: JsonMap = {};
    let invalidEntries = 0;
    for (const key of Object.keys(sent)) {
      const before = payload.issues.length;
      const unstorable = findKeyProblem(key);
      if (unstorable) addIssue(payload, unstorable, [key, 'key'], key);
      if (keyPattern && key.search(keyPattern) < 0) {
        addIssue(payload, 'String does not match expected pattern.', [key, 'key'], key);
      }
      const read = runFully(value, sent[key]);
      for (const issue of read.issues)
        payload.issues.push({ ...issue, path: [key, 'value', ...(issue.path ?? [])] });
      setOwn(made, key, read.value);
      if (payload.issues.length > before && ++invalidEntries === MAX_WRONG_ENTRIES) break;
    }
    payload.value = made;
  });
  return schema.meta(json) as unknown as z.ZodType<Record<string, z.output<S>>>;
}

/** Any map, returned unchanged (keys can contain dots, dollars and `__proto__`); a key, text or number that BSON cannot hold is refused at any depth. */
export function anyMap(): z.ZodType<JsonMap> {
  return leaf({ type: 'object', additionalProperties: {} }, (value) => {
    if (!isJsonMap(value)) return new Refused(NOT_MAP);
    const reason = findNestedProblem(value);
    return reason === undefined ? value : new Refused(reason);
  });
}

/** Any JSON value, null included, returned unchanged; a key, text or number that BSON cannot hold is refused at any depth. */
export function anything(): z.ZodType<unknown> {
  return z.unknown().check((payload) => {
    const reason = findNestedProblem(payload.value);
    if (reason !== undefined) addIssue(payload, reason);
  });
}

// A NUL would end a BSON key, and the driver treats a map with `_bsontype` as one of its own types.
function findKeyProblem(key: string): string | undefined {
  if (key.includes('\0')) return NUL_KEY;
  if (key === '_bsontype') return TYPE_KEY;
  return key.isWellFormed() ? undefined : NOT_UTF8;
}

// Iterative, since a body can nest deeper than the stack.
function findNestedProblem(value: unknown): string | undefined {
  const open: unknown[] = [value];
  while (open.length) {
    const next = open.pop();
    if (typeof next === 'string' && !next.isWellFormed()) return NOT_UTF8;
    if (typeof next === 'number' && !Number.isFinite(next)) return OUT_OF_RANGE;
    if (typeof next !== 'object' || next === null || isLong(next)) continue;
    if (Array.isArray(next)) {
      for (const item of next) if (mayHaveProblem(item)) open.push(item);
      continue;
    }
    for (const key of Object.keys(next)) {
      const reason = findKeyProblem(key);
      if (reason !== undefined) return reason;
      const inner = (next as JsonMap)[key];
      if (mayHaveProblem(inner)) open.push(inner);
    }
  }
  return undefined;
}

function mayHaveProblem(value: unknown): boolean {
  if (typeof value === 'string') return !value.isWellFormed();
  return typeof value === 'object' || (typeof value === 'number' && !Number.isFinite(value));
}
