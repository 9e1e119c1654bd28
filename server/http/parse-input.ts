import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import type { ErrorRow } from '../errors/error-row.js';
import { isDeeperThan, type NestedReasons, readInput } from '../schema/schema.js';
import { createFormCounter, createJsonCounter } from './count-values.js';
import { correctNumbers, hasFreeMap } from './exact-json.js';
import { readBody } from './read-body.js';
import type { AnyRoute } from './route.js';

type AnyBody = NonNullable<AnyRoute['body']>;
type BodyMode = AnyBody['mode'];

/** Maximum bytes of a body, unless the route sets its own limit. */
export const defaultBodyLimit = 1024 * 1024;

/** Maximum levels of nesting in a stored document (MongoDB's own limit). */
const nestingLimit = 100;

/**
 * Reads a request's body with the route's schema; returns `undefined` for routes without a body. A body of another
 * content type than the route's counts as no body.
 * @throws ApiError 400 for text that is not UTF-8 or does not parse, 413 over the limit (before reading, when the length
 * is known), 422 for a body that the schema refuses or that has more than `maxValues` values
 */
export async function parseBody(
  request: IncomingMessage,
  spec: AnyRoute['body'],
  maxValues: number,
): Promise<unknown> {
  if (spec === undefined) return undefined;
  const isSent = isOfMode(request.headers['content-type'], spec.mode);
  try {
    const text = isSent ? await readText(request, spec, maxValues) : '';
    const value = spec.mode === 'json' ? parseJson(text, spec.schema) : parseForm(text, spec);
    const reading = readInput(spec.schema, value);
    if (!reading.ok) throw refuse('json', reading.errors);
    return reading.value;
  } catch (error) {
    throw isSent ? presentFormError(error, spec.formError) : error;
  }
}

/** Returns the error of a form that cannot be read as the route wants it; any other error as it is. */
function presentFormError(error: unknown, row: ErrorRow | undefined): unknown {
  if (row === undefined || !(error instanceof ApiError) || ![400, 413, 422].includes(error.status))
    return error;
  return error.row === row ? error : new ApiError(row, { headers: error.headers, reason: error.code });
}

/** Reads a request's query with the route's schema. @throws ApiError 422 or the route's `queryError` */
export function parseQuery(search: URLSearchParams, { query, queryError, repeated = [] }: AnyRoute): unknown {
  if (query === undefined) return {};
  const fields = [...new Set(search.keys())];
  const given = fields.map((name) => [
    name,
    repeated.includes(name) ? search.getAll(name) : search.get(name),
  ]);
  const reading = readInput(query, Object.fromEntries(given));
  if (reading.ok) return reading.value;
  throw queryError ? new ApiError(queryError, { detail: reading.errors }) : refuse('query', reading.errors);
}

function isOfMode(contentType: string | undefined, mode: BodyMode): boolean {
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (mode === 'form') return type === 'application/x-www-form-urlencoded';
  return type === 'application/json' || /^application\/[^/]+\+json$/.test(type);
}

async function readText(request: IncomingMessage, spec: AnyBody, maxValues: number): Promise<string> {
  const bytes = await readBody(request, {
    bytes: spec.limit ?? defaultBodyLimit,
    values: maxValues,
    countValues: spec.mode === 'json' ? createJsonCounter() : createFormCounter(),
  });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array(bytes));
  } catch (cause) {
    throw new ApiError(commonErrors.badRequest, { cause });
  }
}

function parseJson(text: string, schema: AnyBody['schema']): unknown {
  if (text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ApiError(commonErrors.badRequest, { cause });
  }
  if (isDeeperThan(value, nestingLimit)) throw refuse('json', { _schema: ['Nested too deeply.'] });
  return hasFreeMap(schema) ? correctNumbers(text, value) : value;
}

function parseForm(text: string, { schema, formError }: AnyBody): unknown {
  const fields = new URLSearchParams(text);
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  if (formError !== undefined && known.some((name) => fields.getAll(name).length > 1))
    throw new ApiError(formError);
  return Object.fromEntries(fields);
}

function refuse(place: 'json' | 'query', reasons: NestedReasons): ApiError {
  return new ApiError(commonErrors.validation, { detail: { [place]: reasons } });
}
