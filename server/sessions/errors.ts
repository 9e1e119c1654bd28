import type { ErrorRows } from '../errors/error-row.js';

/** The errors of sessions and of the forms before sign-in. */
export const sessionErrors = {
  notSignedIn: { code: 'not_signed_in', status: 401, message: 'Not signed in' },
  signInAgain: { code: 'sign_in_again', status: 401, message: 'Sign in again' },
  needsHttps: { code: 'needs_https', status: 400, message: 'Sign-in needs https', audit: 'sign_in' },
  tooManySignIns: {
    code: 'too_many_sign_ins',
    status: 429,
    message: 'Too many attempts',
    audit: 'sign_in',
  },
  sessionNotFound: { code: 'session_not_found', status: 404, message: 'There is no such session' },
  otherSessions: {
    code: 'sessions_of_others',
    status: 403,
    message: 'Only admins may see the sessions of others',
    audit: 'role_refused',
  },
  agentSignIn: {
    code: 'agent_sign_in',
    status: 403,
    message: 'Agents cannot sign in here',
    audit: 'sign_in',
  },
  linkInvalid: {
    code: 'one_time_link_invalid',
    status: 401,
    message: 'This link is not valid any more: restart the server for a new one',
    audit: 'sign_in',
  },
} as const satisfies ErrorRows;
