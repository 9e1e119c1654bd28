import type { ErrorRows } from '../errors/error-row.js';

/** The HTTP errors that only some routes return. */
export const httpErrors = {
  rangeNotSatisfiable: { code: 'range_not_satisfiable', status: 416, message: 'Range Not Satisfiable' },
} as const satisfies ErrorRows;
