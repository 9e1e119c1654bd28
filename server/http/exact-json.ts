import { randomUUID } from 'node:crypto';
import { Long } from 'mongodb';
import type { z } from 'zod';
import { isLong } from '../schema/long.js';
import { toJsonSchema } from '../schema/schema.js';
import { replaceNumbers } from './replace-numbers.js';

const freeMaps = new WeakMap<z.ZodType, boolean>();

/** Returns whether a schema has a map whose values can be any JSON, so that its numbers are stored as they were sent. */
export function hasFreeMap(schema: z.ZodType): boolean {
  let has = freeMaps.get(schema);
  if (has === undefined) {
    has = JSON.stringify(toJsonSchema(schema)).includes('"additionalProperties":{}');
    freeMaps.set(schema, has);
  }
  return has;
}

/** JSON of a number that is infinite. */
const infinite = '1e999';

/** Maximum characters of an integer of 64 bits: a sign and 19 digits. */
const maxLongLength = 20;

/**
 * Corrects the numbers of `value`, which is `JSON.parse(text)`: `JSON.parse` changes `123456789012345678`, and in a free
 * map nobody would notice. An integer that a double cannot hold becomes the driver's `Long`. A number that cannot be
 * stored, such as `1e-999` or an integer of more than 64 bits, becomes infinite, which each schema refuses. The text is
 * parsed again only if it has such a number; its time does not depend on how long the numbers are.
 */
export function correctNumbers(text: string, value: unknown): unknown {
  let marker = '';
  const longs: Long[] = [];
  const corrected = replaceNumbers(text, (number) => {
    const exact = readNumber(number);
    if (typeof exact === 'number') return exact === Infinity ? infinite : undefined;
    // A string of the body could be equal to a marker that a client can guess.
    marker ||= randomUUID();
    return `"${marker}${longs.push(exact) - 1}"`;
  });
  if (corrected === text) return value;
  const parsed = JSON.parse(corrected) as unknown;
  return longs.length === 0 ? parsed : placeLongs(parsed, (text) => findLong(text, marker, longs));
}

function readNumber(text: string): number | Long {
  if (/[.eE]/.test(text)) {
    const number = Number(text);
    return number === 0 && isLost(text) ? Infinity : number;
  }
  if (text.length > maxLongLength) return Infinity;
  const number = Number(text);
  if (Number.isSafeInteger(number)) return number;
  const value = BigInt(text);
  return BigInt.asIntN(64, value) === value ? Long.fromBigInt(value) : Infinity;
}

/** Returns whether a text that a double reads as zero is another number: it has a digit other than 0 before its exponent. */
function isLost(text: string): boolean {
  const first = text.search(/[1-9eE]/);
  return first !== -1 && /\d/.test(text.charAt(first));
}

/** Returns the integer whose place a string marks. */
function findLong(text: string, marker: string, longs: readonly Long[]): Long | undefined {
  return text.startsWith(marker) ? longs[Number(text.slice(marker.length))] : undefined;
}

/** Replaces the strings for which `find` returns an integer, in place. */
function placeLongs(value: unknown, find: (text: string) => Long | undefined): unknown {
  if (typeof value === 'string') return find(value) ?? value;
  if (typeof value !== 'object' || value === null) return value;
  const container = value as Record<string, unknown>;
  for (const key of Object.keys(container)) {
    const item = container[key];
    const placed = placeLongs(item, find);
    if (placed === item) continue;
    // An assignment to this key would change the prototype instead.
    if (key === '__proto__') Object.defineProperty(container, key, { value: placed, enumerable: true });
    else container[key] = placed;
  }
  return container;
}

/** Writes a value as JSON. An integer that the driver returned as a `Long` is written with all its digits. */
export function writeJson(value: unknown): string {
  const text = JSON.stringify(value);
  // A Long has no toJSON: one of its fields is in the text.
  return text?.includes('"unsigned":') ? writeLongs(value) : text;
}

function writeLongs(value: unknown): string {
  const marker = randomUUID();
  const text = JSON.stringify(value, (_, item: unknown) => (isLong(item) ? `${marker}${item}` : item));
  return text.replace(new RegExp(`"${marker}(-?\\d+)"`, 'g'), '$1');
}
