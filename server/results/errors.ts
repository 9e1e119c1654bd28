import type { ErrorRows } from '../errors/error-row.js';
import type { BodyQuirk } from '../errors/json-family.js';
import { jobErrors } from '../job/errors.js';

/** The errors of results and logs. */
export const resultErrors = {
  logQueryInvalid: { code: 'log_query_invalid', status: 400 },
} as const satisfies ErrorRows;

/**
 * Older clients expect the reasons as the `message` of the body, and stock clients print the text of an invalid job id
 * unchanged.
 */
export const resultQuirks: readonly BodyQuirk[] = [
  { error: resultErrors.logQueryInvalid, shape: 'reasons' },
  {
    error: jobErrors.idInvalid,
    routes: ['POST /v1/result/{job_id}/artifact', 'GET /v1/result/{job_id}/artifact'],
    shape: 'line',
    message: 'Invalid job id',
  },
  {
    error: jobErrors.idInvalid,
    routes: ['GET /v1/result/{job_id}/log/{log_type}'],
    shape: 'json',
    message: 'Invalid job id\n',
  },
];
