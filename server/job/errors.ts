import type { ErrorRows } from '../errors/error-row.js';
import type { BodyQuirk } from '../errors/json-family.js';

/** The errors that every route about a job can return. */
export const jobErrors = {
  idInvalid: { code: 'job_id_invalid', status: 400, message: 'Invalid job_id specified' },
  notFound: { code: 'job_not_found', status: 404, message: 'Job not found' },
} as const satisfies ErrorRows;

/** The texts of an invalid job id: three forms, since stock clients print them unchanged. */
export const jobQuirks: readonly BodyQuirk[] = [
  {
    error: jobErrors.idInvalid,
    routes: [
      'POST /v1/job/{job_id}/attachments',
      'GET /v1/job/{job_id}/attachments',
      'POST /v1/job/{job_id}/action',
      'POST /v1/result/{job_id}/artifact',
      'GET /v1/result/{job_id}/artifact',
    ],
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
