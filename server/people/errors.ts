import type { ErrorRows } from '../errors/error-row.js';
import type { BodyQuirk } from '../errors/json-family.js';

const oauth = (code: string) => ({ code: `device_${code}`, status: 400 });

/** The errors of people who sign in at an OIDC provider. Their events are logged by `refuseSignIn`. */
export const peopleErrors = {
  emailInUse: {
    code: 'email_in_use',
    status: 403,
    message: 'This e-mail address is in use by another client',
  },
  emailNotVerified: { code: 'email_not_verified', status: 403, message: 'E-mail address not verified' },
  emailDomain: { code: 'email_domain', status: 403, message: 'E-mail domain not allowed' },
  emailMissing: {
    code: 'email_missing',
    status: 403,
    message: 'The provider did not return an e-mail address',
  },
  personDisabled: { code: 'person_disabled', status: 403, message: 'This account is disabled' },
  userinfoFailed: {
    code: 'userinfo_failed',
    status: 502,
    message: 'Failed to retrieve user information from OIDC provider',
  },
  deviceEmailMissing: {
    code: 'device_email_missing',
    status: 502,
    message: 'OIDC provider did not return an email address',
  },
  deviceUnsupported: {
    code: 'device_unsupported',
    status: 500,
    message: 'OIDC provider does not support device authorization',
  },
  providerUnreachable: {
    code: 'provider_unreachable',
    status: 502,
    message: 'Failed to communicate with OIDC provider',
  },
  deviceRejected: {
    code: 'device_rejected',
    status: 502,
    message: 'OIDC provider rejected device authorization request',
  },
  deviceUnexpected: {
    code: 'device_unexpected',
    status: 502,
    message: 'OIDC provider returned an unexpected response',
  },
  deviceCodeMissing: {
    code: 'device_code_missing',
    status: 502,
    message: 'OIDC provider response missing device_code',
  },
  requestIdInvalid: { code: 'request_id_invalid', status: 400, message: 'Invalid or expired request_id' },
  tokenEndpointMissing: {
    code: 'token_endpoint_missing',
    status: 500,
    message: 'OIDC provider metadata missing token endpoint',
  },
  authorizationPending: oauth('authorization_pending'),
  slowDown: oauth('slow_down'),
  deviceRefused: oauth('refused'),
  apiPathUnknown: { code: 'api_path_unknown', status: 404, message: 'Not found' },
  apiAnswerInvalid: {
    code: 'api_answer_invalid',
    status: 502,
    message: "The provider's API did not return JSON of at most 4 MiB",
  },
  apiTimeout: { code: 'api_timeout', status: 504, message: "The provider's API did not respond in time" },
} as const satisfies ErrorRows;

/** The errors of the device flow in OAuth's form (RFC 8628 section 3.5). */
export const peopleQuirks: readonly BodyQuirk[] = [
  { error: peopleErrors.authorizationPending, shape: 'oauth' },
  { error: peopleErrors.slowDown, shape: 'oauth' },
  { error: peopleErrors.deviceRefused, shape: 'oauth' },
];
