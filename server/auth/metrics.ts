import { counter, gauge } from '../core/metric-row.js';

/** The metrics of logins and tokens. */
export const authMetrics = {
  tokenOutcomes: counter(
    'queuepass_token_outcomes_total',
    'Logins with a client key, uses of a refresh token, and refused access tokens.',
    {
      credential: '`client_key`, `refresh_token` or `access_token` (of which only refusals are counted)',
      outcome: '`accepted` or `refused`',
      reason: '`none` if accepted; otherwise the reason in the security log with underscores, or `other`',
    },
  ),
  bcryptQueue: gauge('queuepass_bcrypt_queue_length', 'Logins that wait for a bcrypt worker.'),
  bcryptQueueLimit: gauge(
    'queuepass_bcrypt_queue_limit',
    'Maximum number of logins that can wait; further logins get 503.',
  ),
};
