import type { ErrorRows } from '../errors/error-row.js';

/** The errors of the secrets routes, and of jobs that name secrets. */
export const secretErrors = {
  storeMissing: { code: 'secrets_store_missing', status: 400, message: 'No secrets store' },
  loginRequired: {
    code: 'secret_login_required',
    status: 401,
    message: 'A login (known client_id) is required to securely store information.',
    audit: 'secret_refused',
  },
  ofOtherClient: { code: 'secret_of_other_client', status: 403, audit: 'secret_refused' },
  jobWithoutStore: { code: 'no_secrets_store', status: 422, message: 'No secrets store' },
  jobWithoutClient: {
    code: 'secrets_without_client',
    status: 422,
    message: 'Missing client ID (user not authenticated)',
    audit: 'push_refused',
  },
  inaccessible: { code: 'secrets_inaccessible', status: 422, audit: 'push_refused' },
} as const satisfies ErrorRows;
