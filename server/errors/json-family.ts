import type { ApiError } from './api-error.js';
import type { ErrorRow } from './error-row.js';
import type { ErrorBody, ErrorDescription, ErrorFamily } from './families.js';

/**
 * The shapes of a JSON family's bodies:
 * - `json`: `{"message", "detail"}`, with `request_id` if the family includes it; for every error without a quirk;
 * - `text`, `line`: the message as plain text, without and with a line end, where stock clients print the body;
 * - `reasons`: like `json`, with an object of reasons by field as the message, where older clients look for them;
 * - `oauth`: `{"error": code}` (RFC 6749 section 5.2).
 */
export type BodyShape = 'json' | 'text' | 'line' | 'reasons' | 'oauth';

/**
 * An error that some families present in another shape than their usual JSON, or with another message on some routes.
 */
export interface BodyQuirk {
  error: ErrorRow;
  shape: BodyShape;
  /** Names of the families that it applies to; `v1` by default. */
  families?: readonly string[];
  /** Method and path of each route that it applies to; all routes by default. */
  routes?: readonly string[];
  /** Replaces the error's own message. */
  message?: string;
}

const writers: Record<Exclude<BodyShape, 'json'>, (error: ApiError, message: string) => ErrorBody> = {
  reasons: ({ detail }) => jsonBody({ message: detail, detail: {} }),
  // An error that another server returned keeps that server's code.
  oauth: ({ code, detail }) => jsonBody({ error: typeof detail.error === 'string' ? detail.error : code }),
  text: (_error, message) => ({ type: 'text/plain; charset=utf-8', body: message }),
  line: (_error, message) => ({ type: 'text/plain; charset=utf-8', body: `${message}\n` }),
};

function jsonBody(value: object): ErrorBody {
  return { type: 'application/json', body: JSON.stringify(value) };
}

const descriptions: Record<BodyShape, Pick<ErrorDescription, 'type' | 'schema'>> = {
  json: { type: 'application/json', schema: { $ref: '#/components/schemas/Error' } },
  reasons: {
    type: 'application/json',
    schema: {
      type: 'object',
      required: ['message', 'detail'],
      properties: { message: { type: 'object' }, detail: { type: 'object' } },
    },
  },
  oauth: {
    type: 'application/json',
    schema: { type: 'object', required: ['error'], properties: { error: { type: 'string' } } },
  },
  text: { type: 'text/plain', schema: { type: 'string' } },
  line: { type: 'text/plain', schema: { type: 'string' } },
};

/** The options of a JSON family. */
export interface JsonFamilyOptions {
  name: string;
  prefixes: readonly string[];
  /** Bodies contain the request's id, which finds the request's log lines. */
  includesRequestId: boolean;
  /** The quirks of all areas. */
  quirks: readonly BodyQuirk[];
}

/** Makes a family that presents errors as JSON, except for its quirks. */
export function createJsonFamily({
  name,
  prefixes,
  includesRequestId,
  quirks,
}: JsonFamilyOptions): ErrorFamily {
  const own = quirks.filter(({ families = ['v1'] }) => families.includes(name));
  const find = ({ code }: { code: string }, route: string | undefined): BodyQuirk | undefined =>
    own.find(
      ({ error, routes }) => error.code === code && (routes === undefined || routes.includes(route ?? '')),
    );
  return {
    name,
    prefixes,
    present(error, { requestId, route }) {
      const { shape = 'json', message = error.message } = find(error, route) ?? {};
      if (shape !== 'json') return writers[shape](error, message);
      return jsonBody({ message, detail: error.detail, ...(includesRequestId && { request_id: requestId }) });
    },
    describe(row, route) {
      const { shape = 'json', message = row.message } = find(row, route) ?? {};
      return { ...descriptions[shape], shape, text: message ?? row.code.replaceAll('_', ' ') };
    },
  };
}
