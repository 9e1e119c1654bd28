import type { ErrorRows } from '../errors/error-row.js';
import type { BodyQuirk } from '../errors/json-family.js';
import { jobErrors } from '../job/errors.js';

/** The errors of the routes in this area. `job/errors.ts` has the errors that every route about a job can return. */
export const jobsErrors = {
  noAgentLeft: {
    code: 'no_agent_left',
    status: 422,
    message: 'There are no agents on the specified queue that are allowed to run this job',
  },
  resubmitRefused: {
    code: 'resubmit_refused',
    status: 403,
    message: 'Not enough permissions to resubmit job ID',
    audit: 'push_refused',
  },
  pushUnauthenticated: { code: 'push_unauthenticated', status: 401, audit: 'push_refused' },
  pushRefused: { code: 'push_refused', status: 403, audit: 'push_refused' },
  idempotencyKeyReused: {
    code: 'idempotency_key_reused',
    status: 422,
    message: 'Idempotency-Key was already used with another body',
  },
  notOwned: {
    code: 'job_not_owned',
    status: 403,
    message: 'Not enough permissions on job ID',
    audit: 'role_refused',
  },
  notWaiting: { code: 'job_not_waiting', status: 410, message: 'Job not found or already started' },
  alreadyEnded: {
    code: 'job_already_ended',
    status: 400,
    message: 'The job is already completed or cancelled',
  },
  attachmentsJobUnknown: { code: 'attachments_job_unknown', status: 422, message: 'Job ID is not valid' },
  attachmentsNotAwaited: {
    code: 'attachments_not_awaited',
    status: 422,
    message: 'Job ID not awaiting attachments',
  },
  anonymousUploadsFull: {
    code: 'anonymous_uploads_full',
    status: 413,
    message:
      'There is no room for more anonymous uploads: log in, or try again when waiting jobs have started (ANONYMOUS_UPLOAD_MIB)',
  },
  attachmentsDiffer: {
    code: 'attachments_differ',
    status: 409,
    message: 'Job ID already has other attachments',
  },
  webhookNotConfigured: {
    code: 'webhook_not_configured',
    status: 500,
    message: 'Webhook URL not configured',
  },
  webhookUrlRefused: {
    code: 'webhook_url_refused',
    status: 403,
    message: 'Invalid job_status_webhook URL specified',
    audit: 'push_refused',
  },
  webhookTimeout: { code: 'webhook_timeout', status: 504, message: 'Webhook Timeout' },
  webhookUnreachable: { code: 'webhook_unreachable', status: 502, message: 'Webhook unreachable' },
  webhookRefused: { code: 'webhook_refused', status: 500, message: 'Webhook authentication failed' },
} as const satisfies ErrorRows;

/** Plain-text responses, since the stock CLI prints them unchanged. */
export const jobsQuirks: readonly BodyQuirk[] = [
  { error: jobsErrors.notWaiting, shape: 'line' },
  { error: jobsErrors.alreadyEnded, shape: 'text' },
  { error: jobsErrors.attachmentsJobUnknown, shape: 'line' },
  { error: jobsErrors.attachmentsNotAwaited, shape: 'line' },
  {
    error: jobErrors.idInvalid,
    routes: [
      'POST /v1/job/{job_id}/attachments',
      'GET /v1/job/{job_id}/attachments',
      'POST /v1/job/{job_id}/action',
    ],
    shape: 'line',
    message: 'Invalid job id',
  },
];
