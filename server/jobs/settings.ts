import { optional, secret, setting, type ValuesOf } from '../config/setting-row.js';
import { asOneOf, asText, asWebUrl } from '../config/setting-types.js';

/** Settings of what clients do with jobs. */
export const jobsSettings = {
  rows: {
    jobOwnership: setting(
      'JOB_OWNERSHIP',
      asOneOf('record', 'enforce'),
      'record',
      'Whether only the submitter, a manager or an admin may cancel a job and send its attachments.',
    ),
    webhookUrl: optional('WEBHOOK_URL', asWebUrl, 'Scheme and host that job events may be sent to.'),
    webhookAuth: secret('WEBHOOK_AUTH', asText, 'Bearer token that is sent with job events.'),
  },
};

/** The settings of what clients do with jobs. */
export type JobsSettings = ValuesOf<typeof jobsSettings.rows>;
