import { z } from 'zod';
import { IS_NULL, leaf, MISSING, Refused, refuse, runFully } from './leaf.js';
import type { JsonMap } from './set-own.js';
import { isJsonMap, setOwn } from './set-own.js';
import { toJsonSchema } from './to-json-schema.js';

const NOT_MAP = 'Not a valid mapping type.';
const NUL_KEY = 'Keys must not contain NUL characters.';
const TYPE_KEY = 'Keys must not be "_bsontype".';
const MOST_WRONG_ENTRIES = 100;

/** A list; `min` is the least number of items. */
export function listOf<S extends z.ZodType>(item: S, rules: { min?: number } = {}): z.ZodArray<S> {
  const list = z.array(item);
  return rules.min === undefined ? list : list.min(rules.min);
}

/** An object of exactly these fields; any other is an `Unknown field.` */
export function object<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape);
}

/** An object of these fields; others are allowed, and left out of what is read. */
export function openObject<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strip> {
  return z.object(shape);
}

/** A map whose values fit a schema; a wrong entry is told as `{entry: {"key": [...], "value": [...]}}`, the first hundred of them. */
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
      return refuse(payload, sent === undefined ? MISSING : sent === null ? IS_NULL : NOT_MAP);
    const made: JsonMap = {};
    let wrong = 0;
    for (const key of Object.keys(sent)) {
      const before = payload.issues.length;
      const unstorable = reasonAgainstKey(key);
      if (unstorable) refuse(payload, unstorable, [key, 'key'], key);
      if (keyPattern && key.search(keyPattern) < 0) {
        refuse(payload, 'String does not match expected pattern.', [key, 'key'], key);
      }
      const read = runFully(value, sent[key]);
      for (const issue of read.issues)
        payload.issues.push({ ...issue, path: [key, 'value', ...(issue.path ?? [])] });
      setOwn(made, key, read.value);
      if (payload.issues.length > before && ++wrong === MOST_WRONG_ENTRIES) break;
    }
    payload.value = made;
  });
  return schema.meta(json) as unknown as z.ZodType<Record<string, z.output<S>>>;
}

/** Any map, passed through as it is (dots, dollars and `__proto__` in its keys included); a key that BSON cannot hold is refused at any depth. */
export function anyMap(): z.ZodType<JsonMap> {
  return leaf({ type: 'object', additionalProperties: {} }, (value) => {
    if (!isJsonMap(value)) return new Refused(NOT_MAP);
    const reason = findUnstorableKey(value);
    return reason === undefined ? value : new Refused(reason);
  });
}

/** Any JSON value, null too, passed through as it is; a key that BSON cannot hold is refused at any depth. */
export function anything(): z.ZodType<unknown> {
  return z.unknown().check((payload) => {
    const reason = findUnstorableKey(payload.value);
    if (reason !== undefined) refuse(payload, reason);
  });
}

// BSON cannot hold a key with NUL, which would end there, and the driver takes a map with `_bsontype` for a value of its own.
function reasonAgainstKey(key: string): string | undefined {
  if (key.includes('\0')) return NUL_KEY;
  return key === '_bsontype' ? TYPE_KEY : undefined;
}

// Iterative, for a body may nest deeper than the stack.
function findUnstorableKey(value: unknown): string | undefined {
  const open: unknown[] = [value];
  while (open.length) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null) continue;
    if (Array.isArray(next)) {
      for (const item of next) if (typeof item === 'object') open.push(item);
      continue;
    }
    for (const key of Object.keys(next)) {
      const reason = reasonAgainstKey(key);
      if (reason !== undefined) return reason;
      const inner = (next as JsonMap)[key];
      if (typeof inner === 'object') open.push(inner);
    }
  }
  return undefined;
}
