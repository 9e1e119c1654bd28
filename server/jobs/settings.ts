import { optional, secret, setting, type ValuesOf } from '../config/setting-row.js';
import { asOneOf, asText, asWebUrl } from '../config/setting-types.js';

/** Settings of job ownership and webhooks. */
export const jobsSettings = {
  rows: {
    jobOwnership: setting(
      'JOB_OWNERSHIP',
      asOneOf('record', 'enforce'),
      'record',
      'Who can cancel a job and upload its attachments: with `enforce`, only its submitter, a manager or an admin; with `record`, everyone who can submit jobs.',
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
