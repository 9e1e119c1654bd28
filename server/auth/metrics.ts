import { counter, gauge } from '../core/metric-row.js';

/** The metrics of logins and tokens. */
export const authMetrics = {
  tokenOutcomes: counter(
    'queuepass_token_outcomes_total',
    'Logins by a key, refreshes of a token, and access tokens that were refused.',
    {
      credential: '`client_key`, `refresh_token` or `access_token` (of which only refusals are counted)',
      outcome: '`accepted` or `refused`',
      reason: '`none` when accepted; else that of the security log as one word, or `other`',
    },
  ),
  bcryptQueue: gauge('queuepass_bcrypt_queue_length', 'Logins that wait for a worker that computes hashes.'),
  bcryptQueueLimit: gauge(
    'queuepass_bcrypt_queue_limit',
    'Maximum number of logins that may wait; further ones are answered 503.',
  ),
};
