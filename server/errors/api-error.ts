/**
 * The shapes of error bodies:
 * - `json`: `{"message", "detail"}`, the v1 contract (and `request_id` on routes of our own);
 * - `text`, `line`: the message as plain text, without and with a line end, where stock clients print it as it is;
 * - `reasons`: as `json`, with the reasons by field as the message, where older clients look for them;
 * - `oauth`: `{"error": code}` (RFC 6749 section 5.2).
 */
export type ErrorShape = 'json' | 'text' | 'line' | 'reasons' | 'oauth';

interface ErrorKind {
  status: number;
  shape: ErrorShape;
  /** The public text, where it is always the same. */
  message?: string;
}

/** Every error that the server answers, by its code. */
export const errorKinds = {
  bad_request: { status: 400, shape: 'json', message: 'Bad Request' },
  validation: { status: 422, shape: 'json', message: 'Validation error' },
  payload_too_large: { status: 413, shape: 'json', message: 'Payload too large' },
  not_found: { status: 404, shape: 'text' },
  method_not_allowed: { status: 405, shape: 'json', message: 'Method Not Allowed' },
  unavailable: { status: 503, shape: 'json', message: 'The database is not available, try again' },
  busy: { status: 503, shape: 'json', message: 'Too many logins at the moment, try again' },
  internal: { status: 500, shape: 'json', message: 'Internal Server Error' },

  authentication_required: {
    status: 401,
    shape: 'json',
    message: 'Authentication is required for specified endpoint',
  },
  bearer_without_token: { status: 401, shape: 'json', message: 'Unauthorized' },
  token_expired: { status: 401, shape: 'json', message: 'Token has expired' },
  token_not_yet_valid: { status: 401, shape: 'json', message: 'Token not yet valid' },
  token_signature: { status: 403, shape: 'json', message: 'Invalid Token signature' },
  token_claim_missing: { status: 403, shape: 'json' },
  token_undecodable: { status: 403, shape: 'json', message: 'Unable to decode token' },
  token_invalid: { status: 403, shape: 'json', message: 'Invalid Token' },
  role_required: { status: 403, shape: 'json' },

  login_failed: { status: 401, shape: 'text', message: 'Invalid client id or client key' },
  basic_missing: { status: 401, shape: 'text', message: 'No authorization header specified' },
  basic_incomplete: {
    status: 401,
    shape: 'text',
    message: 'Client id and key must be specified in authorization header',
  },
  too_many_attempts: { status: 429, shape: 'json', message: 'Too many attempts' },
  unsupported_grant_type: { status: 400, shape: 'oauth', message: 'The grant type is client_credentials' },
  refresh_token_invalid: { status: 400, shape: 'json', message: 'Invalid refresh token.' },
  refresh_token_revoked: { status: 400, shape: 'json', message: 'Refresh token revoked.' },
  refresh_token_expired: { status: 400, shape: 'json', message: 'Refresh token expired' },
  refresh_token_not_found: { status: 400, shape: 'json', message: 'Refresh token not found' },
  refresh_token_already_revoked: {
    status: 400,
    shape: 'json',
    message: 'Refresh token has already been revoked',
  },

  client_not_found: { status: 404, shape: 'json', message: 'Error: Specified client_id does not exist.' },
  client_secret_missing: {
    status: 400,
    shape: 'json',
    message: 'Error: Missing client_secret in request body for new client',
  },
  admin_client_fixed: { status: 422, shape: 'json' },
  oidc_client_fixed: {
    status: 422,
    shape: 'json',
    message: 'Error: Cannot add email or client secret to OIDC client id',
  },
  client_rights: { status: 403, shape: 'json' },
  too_many_keys: { status: 409, shape: 'json', message: 'A client has at most 10 keys: delete one first' },
  key_not_found: { status: 404, shape: 'json', message: 'The client has no key of this id' },
  not_an_agent_client: {
    status: 422,
    shape: 'json',
    message: 'Only a client of the role agent gets such a token',
  },

  restricted_queue_not_found: { status: 404, shape: 'json', message: 'Error: Restricted queue not found.' },
  restricted_client_missing: { status: 400, shape: 'json', message: 'Error: Missing client ID.' },
  queue_without_agent: {
    status: 404,
    shape: 'json',
    message: 'Error: No agent is associated with the specified queue.',
  },

  secrets_store_missing: { status: 400, shape: 'json', message: 'No secrets store' },
  secret_login_required: {
    status: 401,
    shape: 'json',
    message: 'A login (known client_id) is required to securely store information.',
  },
  secret_of_other_client: { status: 403, shape: 'json' },

  job_id_invalid: { status: 400, shape: 'json', message: 'Invalid job_id specified' },
  job_id_invalid_line: { status: 400, shape: 'line', message: 'Invalid job id' },
  job_id_invalid_json_line: { status: 400, shape: 'json', message: 'Invalid job id\n' },
  log_query_invalid: { status: 400, shape: 'reasons' },
  no_agent_left: {
    status: 422,
    shape: 'json',
    message: 'There are no agents on the specified queue that are allowed to run this job',
  },
  no_secrets_store: { status: 422, shape: 'json', message: 'No secrets store' },
  secrets_without_client: {
    status: 422,
    shape: 'json',
    message: 'Missing client ID (user not authenticated)',
  },
  secrets_inaccessible: { status: 422, shape: 'json' },
  resubmit_refused: { status: 403, shape: 'json', message: 'Not enough permissions to resubmit job ID' },
  push_unauthenticated: { status: 401, shape: 'json' },
  push_refused: { status: 403, shape: 'json' },
  attachments_job_unknown: { status: 422, shape: 'line', message: 'Job ID is not valid' },
  attachments_not_awaited: { status: 422, shape: 'line', message: 'Job ID not awaiting attachments' },
  range_not_satisfiable: { status: 416, shape: 'json', message: 'Range Not Satisfiable' },
  job_not_found: { status: 404, shape: 'json', message: 'Job not found' },
  webhook_not_configured: { status: 500, shape: 'json', message: 'Webhook URL not configured' },
  webhook_url_refused: { status: 403, shape: 'json', message: 'Invalid job_status_webhook URL specified' },
  webhook_timeout: { status: 504, shape: 'json', message: 'Webhook Timeout' },
  webhook_unreachable: { status: 502, shape: 'json', message: 'Webhook unreachable' },
  webhook_refused: { status: 500, shape: 'json', message: 'Webhook authentication failed' },
  idempotency_key_reused: {
    status: 422,
    shape: 'json',
    message: 'Idempotency-Key was used with another body already',
  },
  job_not_owned: { status: 403, shape: 'json', message: 'Not enough permissions on job ID' },
  job_not_held: { status: 403, shape: 'json', message: 'Not enough permissions on job ID' },
  agent_name_bound: { status: 403, shape: 'json', message: 'The agent name belongs to another client' },
  no_queue_named: { status: 400, shape: 'json', message: 'No queue(s) specified in request' },
  agent_not_identified: { status: 401, shape: 'json', message: 'Agent not identified' },
  job_not_waiting: { status: 410, shape: 'line', message: 'Job not found or already started' },
  job_already_ended: { status: 400, shape: 'text', message: 'The job is already completed or cancelled' },
  agent_not_found: { status: 404, shape: 'line', message: 'Agent not found' },
  queue_not_found: { status: 404, shape: 'json' },
} as const satisfies Record<string, ErrorKind>;

/** The codes of all errors. */
export type ErrorCode = keyof typeof errorKinds;

/** What an error may carry besides its code. */
export interface ApiErrorOptions {
  /** The public text, for the kinds whose text has values in it. */
  message?: string;
  /** The public `detail` object. */
  detail?: Record<string, unknown>;
  /** Told to the security log only. */
  reason?: string;
  headers?: Record<string, string>;
  cause?: unknown;
}

/** An answer other than success: a code for programs, a public text, and a private reason for the log. */
export class ApiError extends Error {
  readonly status: number;
  readonly detail: Record<string, unknown>;
  readonly reason: string | undefined;
  readonly headers: Record<string, string>;

  constructor(
    readonly code: ErrorCode,
    options: ApiErrorOptions = {},
  ) {
    const kind: ErrorKind = errorKinds[code];
    super(options.message ?? kind.message ?? code, { cause: options.cause });
    this.name = 'ApiError';
    this.status = kind.status;
    this.detail = options.detail ?? {};
    this.reason = options.reason;
    this.headers = options.headers ?? {};
  }
}
