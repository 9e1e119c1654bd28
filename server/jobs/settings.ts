import { optional, secret, setting, type ValuesOf } from '../config/setting-row.js';
import { asInteger, asOneOf, asText, asWebUrl } from '../config/setting-types.js';

/** Settings of job ownership, anonymous uploads and webhooks. */
export const jobsSettings = {
  rows: {
    jobOwnership: setting(
      'JOB_OWNERSHIP',
      asOneOf('record', 'enforce'),
      'enforce',
      'Who can cancel a job and upload its attachments: only its submitter, a manager or an admin, or everyone if the submitter was anonymous. `record` also accepts requests without credentials, and logs them, for stock CLIs older than June 2026.',
    ),
    anonymousUploadMib: setting(
      'ANONYMOUS_UPLOAD_MIB',
      asInteger(0, 1024 * 1024),
      '10240',
      'Maximum size of the attachments that anonymous callers have uploaded for the jobs that wait, all together, in MiB. More get 413, so that nobody fills the disk without a token; 0 allows no anonymous upload.',
    ),
    webhookUrl: optional(
      'WEBHOOK_URL',
      asWebUrl,
      'Scheme, host and port that job events can be forwarded to.',
    ),
    webhookAuth: secret('WEBHOOK_AUTH', asText, 'Bearer token that is sent with forwarded job events.'),
  },
};

/** The values of these settings. */
export type JobsSettings = ValuesOf<typeof jobsSettings.rows>;
