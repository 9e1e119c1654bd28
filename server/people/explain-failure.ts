/** The fields of errors of openid-client, and of its causes, that name what was wrong and hold no secret. */
interface Failure {
  code?: unknown;
  error?: unknown;
  cause?: unknown;
  name?: unknown;
}

/** What a cause can name: a claim of an ID token. */
const claimForm = /^[a-z_]{1,32}$/;

/**
 * Returns why the provider's answer was refused, for the security log: never more of the answer than an error code and the name
 * of a claim.
 */
export function explainFailure(failure: unknown): string {
  const { code, error, cause, name } = (failure ?? {}) as Failure;
  const claim = readClaim(cause);
  if (claim !== undefined) return timeClaims[claim] ?? `ID token: wrong ${claim}`;
  if (typeof error === 'string' && claimForm.test(error)) return `the provider returned the error ${error}`;
  if (name === 'TimeoutError' || code === 'OAUTH_TIMEOUT') return 'the provider did not respond in time';
  if (typeof code === 'string' && /^[A-Z_]{1,64}$/.test(code)) return presentCode(code, cause);
  return 'the provider could not be reached';
}

const timeClaims: Readonly<Record<string, string>> = {
  exp: 'ID token: expired: compare the clocks',
  nbf: 'ID token: not yet valid: compare the clocks',
};

const texts: Readonly<Record<string, string>> = {
  OAUTH_KEY_SELECTION_FAILED: 'ID token: unknown key',
  OAUTH_INVALID_RESPONSE: "the provider's response is not valid",
  OAUTH_UNSUPPORTED_OPERATION: 'ID token: signature algorithm not accepted',
  OAUTH_RESPONSE_IS_NOT_JSON: "the provider's response is not JSON",
  OAUTH_RESPONSE_IS_NOT_CONFORM: "the provider's response has an unexpected status",
};

function presentCode(code: string, cause: unknown): string {
  const inner = (cause as Failure | undefined)?.code;
  return texts[code] ?? (typeof inner === 'string' ? (texts[inner] ?? inner) : code);
}

function readClaim(cause: unknown): string | undefined {
  const { claim, cause: deeper } = (cause ?? {}) as { claim?: unknown; cause?: unknown };
  if (typeof claim === 'string' && claimForm.test(claim)) return claim;
  return deeper === undefined ? undefined : readClaim(deeper);
}
