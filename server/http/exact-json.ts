import { parse, stringify } from 'lossless-json';
import { Long } from 'mongodb';
import type { z } from 'zod';
import { isLong } from '../schema/long.js';
import { toJsonSchema } from '../schema/schema.js';

/** Matches every JSON text with a number that a double may not hold: 16 digits in a row, or an exponent of three digits. */
const longNumber = /\d{16}|[eE][+-]?\d{3}/;

const freeMaps = new WeakMap<z.ZodType, boolean>();

/** Returns whether a schema has a map whose values can be any JSON, so that its numbers are stored as they were sent. */
function hasFreeMap(schema: z.ZodType): boolean {
  let has = freeMaps.get(schema);
  if (has === undefined) {
    has = JSON.stringify(toJsonSchema(schema)).includes('"additionalProperties":{}');
    freeMaps.set(schema, has);
  }
  return has;
}

/**
 * Returns whether a body must be parsed by `parseExactly`. `JSON.parse` changes `123456789012345678`, and in a free map
 * nobody would notice.
 */
export function needsExactParse(text: string, schema: z.ZodType): boolean {
  return hasFreeMap(schema) && longNumber.test(text);
}

/**
 * Parses a JSON text that `JSON.parse` accepts, without a change of numbers: an integer that a double cannot hold becomes
 * the driver's `Long`. A number that cannot be stored, such as `1e999` or an integer of more than 64 bits, becomes
 * infinite, which each schema refuses.
 */
export function parseExactly(text: string): unknown {
  return parse(text, null, { parseNumber: readNumber, onDuplicateKey: ({ newValue }) => newValue });
}

function readNumber(text: string): number | Long {
  const number = Number(text);
  if (/^-?\d+$/.test(text)) return Number.isSafeInteger(number) ? number : readLong(text);
  const isLost = number === 0 && /^[^eE]*[1-9]/.test(text);
  return isLost ? Infinity : number;
}

function readLong(text: string): number | Long {
  const value = BigInt(text);
  return BigInt.asIntN(64, value) === value ? Long.fromBigInt(value) : Infinity;
}

const longs = { test: isLong, stringify: (value: unknown) => String(value) };

/** Writes a value as JSON. An integer that the driver returned as a `Long` is written with all its digits. */
export function writeJson(value: unknown): string {
  const text = JSON.stringify(value);
  // A Long has no toJSON: one of its fields is in the text.
  return text?.includes('"unsigned":') ? (stringify(value, null, undefined, [longs]) ?? text) : text;
}
