import type { ErrorRows } from '../errors/error-row.js';

/** The errors that every route about a job can return. */
export const jobErrors = {
  idInvalid: { code: 'job_id_invalid', status: 400, message: 'Invalid job_id specified' },
  notFound: { code: 'job_not_found', status: 404, message: 'Job not found' },
} as const satisfies ErrorRows;
