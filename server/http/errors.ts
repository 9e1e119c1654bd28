import type { ErrorRows } from '../errors/error-row.js';

/** The errors of HTTP itself that single routes answer. */
export const httpErrors = {
  rangeNotSatisfiable: { code: 'range_not_satisfiable', status: 416, message: 'Range Not Satisfiable' },
} as const satisfies ErrorRows;
