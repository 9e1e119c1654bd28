import type { ErrorRows } from './error-row.js';
import type { BodyQuirk } from './json-family.js';

/** The errors that every route can return. */
export const commonErrors = {
  badRequest: { code: 'bad_request', status: 400, message: 'Bad Request' },
  validation: { code: 'validation', status: 422, message: 'Validation error' },
  payloadTooLarge: { code: 'payload_too_large', status: 413, message: 'Payload too large' },
  notFound: { code: 'not_found', status: 404 },
  methodNotAllowed: { code: 'method_not_allowed', status: 405, message: 'Method Not Allowed' },
  unavailable: {
    code: 'unavailable',
    status: 503,
    message: 'The database is not available, try again',
  },
  internal: { code: 'internal', status: 500, message: 'Internal Server Error' },
} as const satisfies ErrorRows;

/** Unknown paths get a plain text, by which stock clients recognize them. */
export const commonQuirks: readonly BodyQuirk[] = [
  { error: commonErrors.notFound, shape: 'text', families: ['v1', 'own'] },
];
