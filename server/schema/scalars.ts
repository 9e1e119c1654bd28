import { URL } from 'node:url';
import type { z } from 'zod';
import { leaf, NOT_UTF8, Refused } from './leaf.js';

const NOT_TEXT = new Refused('Not a valid string.');
const LONE_SURROGATE = new Refused(NOT_UTF8);
const NOT_INTEGER = new Refused('Not a valid integer.');
const NOT_BOOLEAN = new Refused('Not a valid boolean.');
const NOT_URL = new Refused('Not a valid URL.');
const NOT_EMAIL = new Refused('Not a valid email address.');
const NOT_DATE_TIME = new Refused('Not a valid datetime.');

// The sets of marshmallow.fields.Boolean.
const TRUE_WORDS = new Set<unknown>('t T true True TRUE on On ON y Y yes Yes YES 1'.split(' '))
  .add(1)
  .add(true);
const FALSE_WORDS = new Set<unknown>('f F false False FALSE off Off OFF n N no No NO 0'.split(' '))
  .add(0)
  .add(false);

const ATOM = "[\\w!#$%&'*+/=?^`{|}~-]+";
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const EMAIL = new RegExp(
  `^${ATOM}(?:\\.${ATOM})*@(?:localhost|(?:${LABEL}\\.)+[a-z][a-z0-9-]*[a-z0-9])$`,
  'i',
);
const MAX_EMAIL_LENGTH = 320;

// Node parses an authority of some MB for a second; no host is longer than 253 characters.
const ABSOLUTE_URL = /^(?:https?|ftps?):\/\/[^/?#]{1,2048}(?:[/?#]|$)/i;

// With hyphens and colons or without them, and a fraction after a point or a comma: what Python's `fromisoformat` reads.
const DATE = String.raw`(\d{4})(?:-(\d{1,2})-(\d{1,2})|(\d{2})(\d{2}))`;
const SECONDS = String.raw`(\d{1,2})(?:[.,](\d{1,6})\d*)?`;
const TIME = String.raw`(\d{1,2}):(\d{1,2})(?::${SECONDS})?|(\d{2})(\d{2})(?:${SECONDS})?`;
const OFFSET = String.raw`(?:Z|([+-])(\d{2}):?(\d{2})?)`;
const DATE_TIME = new RegExp(`^${DATE}(?:[T ](?:${TIME})${OFFSET}?)?$`);

/**
 * Text, NUL included, with its length in UTF-16 code units; `pattern` and each bound that fails add a reason. Lone
 * surrogates are refused, except with `loneSurrogates`.
 */
export function text(
  rules: { min?: number; max?: number; pattern?: RegExp; loneSurrogates?: boolean } = {},
): z.ZodType<string> {
  const { min, max, pattern, loneSurrogates = false } = rules;
  const json = { type: 'string', minLength: min, maxLength: max, pattern: pattern?.source };
  return leaf(omitUndefined(json), (value) => {
    if (typeof value !== 'string') return NOT_TEXT;
    if (!loneSurrogates && !value.isWellFormed()) return LONE_SURROGATE;
    const reasons: string[] = [];
    if (min !== undefined && value.length < min) reasons.push(`Shorter than minimum length ${min}.`);
    if (max !== undefined && value.length > max) reasons.push(`Longer than maximum length ${max}.`);
    if (pattern && value.search(pattern) < 0) reasons.push('String does not match expected pattern.');
    return reasons.length ? new Refused(...reasons) : value;
  });
}

/** One of the given words. */
export function oneOf<const W extends readonly string[]>(...words: W): z.ZodType<W[number]> {
  const known = new Set<unknown>(words);
  const unknown = new Refused(`Must be one of: ${words.join(', ')}.`);
  return leaf({ type: 'string', enum: words }, (value) => {
    if (typeof value !== 'string') return NOT_TEXT;
    return known.has(value) ? (value as W[number]) : unknown;
  });
}

/** An integer within ±(2^53-1); a decimal string is converted. */
export function integer(rules: { min?: number; max?: number } = {}): z.ZodType<number> {
  const { min, max } = rules;
  return leaf(omitUndefined({ type: 'integer', minimum: min, maximum: max }), (value) => {
    const number = typeof value === 'string' && /^[+-]?\d+$/.test(value.trim()) ? Number(value) : value;
    if (!Number.isSafeInteger(number)) return NOT_INTEGER;
    // -0 would be stored as a floating-point number.
    const whole = (number as number) || 0;
    if (min !== undefined && whole < min) return new Refused(`Must be greater than or equal to ${min}.`);
    if (max !== undefined && whole > max) return new Refused(`Must be less than or equal to ${max}.`);
    return whole;
  });
}

/** A boolean; marshmallow's words and numbers for true and false are converted. */
export function bool(): z.ZodType<boolean> {
  return leaf({ type: 'boolean' }, (value) => {
    if (TRUE_WORDS.has(value)) return true;
    return FALSE_WORDS.has(value) ? false : NOT_BOOLEAN;
  });
}

/** An absolute http, https, ftp or ftps URL, returned as sent; unlike marshmallow, it allows a host without a dot. */
export function url(): z.ZodType<string> {
  return leaf({ type: 'string', format: 'uri' }, (value) => {
    if (typeof value !== 'string') return NOT_TEXT;
    if (!value.isWellFormed()) return LONE_SURROGATE;
    const fits = ABSOLUTE_URL.test(value) && !/\s/.test(value) && URL.canParse(value);
    return fits ? value : NOT_URL;
  });
}

/** An email address, returned as sent. */
export function email(): z.ZodType<string> {
  return leaf({ type: 'string', format: 'email' }, (value) => {
    if (typeof value !== 'string') return NOT_TEXT;
    return value.length <= MAX_EMAIL_LENGTH && EMAIL.test(value) ? value : NOT_EMAIL;
  });
}

/** A date or a time in ISO 8601, in its extended or its basic form, to the millisecond; in UTC if it has no offset. */
export function dateTime(): z.ZodType<Date> {
  return leaf({ type: 'string', format: 'date-time' }, (value) =>
    typeof value === 'string' ? (readDateTime(value) ?? NOT_DATE_TIME) : NOT_DATE_TIME,
  );
}

function readDateTime(value: string): Date | undefined {
  const parts = DATE_TIME.exec(value);
  if (!parts) return undefined;
  const first = (...places: number[]) =>
    places.map((place) => parts[place]).find((part) => part !== undefined);
  const number = (...places: number[]) => Number(first(...places) ?? 0);
  const [year, month, day] = [number(1), number(2, 4), number(3, 5)];
  const [hour, minute, second] = [number(6, 10), number(7, 11), number(8, 12)];
  const offset = (parts[14] === '-' ? -1 : 1) * (number(15) * 60 + number(16));
  // Date turns February 30 into March 2, so a date that does not exist has other parts afterwards.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (year === 0 || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  if (hour > 23 || minute > 59 || second > 59 || Math.abs(offset) >= 1440) return undefined;
  date.setUTCHours(hour, minute - offset, second, Number((first(9, 13) ?? '').padEnd(3, '0').slice(0, 3)));
  return date;
}

function omitUndefined(json: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(json).filter(([, value]) => value !== undefined));
}
