import type { ErrorRows } from '../errors/error-row.js';

/** The errors of client management. */
export const clientErrors = {
  notFound: { code: 'client_not_found', status: 404, message: 'Error: Specified client_id does not exist.' },
  secretMissing: {
    code: 'client_secret_missing',
    status: 400,
    message: 'Error: Missing client_secret in request body for new client',
  },
  adminFixed: { code: 'admin_client_fixed', status: 422, audit: 'role_refused' },
  oidcFixed: {
    code: 'oidc_client_fixed',
    status: 422,
    message: 'Error: Cannot add email or client secret to OIDC client id',
    audit: 'role_refused',
  },
  insufficientRights: { code: 'client_rights', status: 403, audit: 'role_refused' },
  tooManyKeys: {
    code: 'too_many_keys',
    status: 409,
    message: 'A client has at most 10 keys: delete one first',
  },
  stillEnding: {
    code: 'client_still_ending',
    status: 409,
    message:
      'A client of this id, or of its secrets namespace, was removed and its data still exist: try again later',
  },
  keyNotFound: { code: 'key_not_found', status: 404, message: 'The client has no key with this id' },
  keyOutlives: {
    code: 'key_outlives',
    status: 403,
    message: 'A key that expires can only create keys that expire no later: ask a manager',
    audit: 'role_refused',
  },
  keyOfOwner: {
    code: 'key_of_owner',
    status: 403,
    message: 'A key that expires can only remove itself: ask a manager',
    audit: 'role_refused',
  },
  tokenOfOwner: {
    code: 'token_of_owner',
    status: 403,
    message: 'A key that expires can only revoke its own refresh tokens: ask a manager',
    audit: 'role_refused',
  },
  tokenNotFound: {
    code: 'client_token_not_found',
    status: 404,
    message: 'The client has no refresh token with this id',
  },
  notAnAgent: {
    code: 'not_an_agent_client',
    status: 422,
    message: 'Only a client with the role agent can have an agent token',
  },
} as const satisfies ErrorRows;
