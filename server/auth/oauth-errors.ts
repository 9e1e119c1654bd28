import type { Core } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import type { ErrorRow } from '../errors/error-row.js';
import { toApiError } from '../http/to-api-error.js';
import type { ClientForm } from './basic-credentials.js';
import { authErrors } from './errors.js';

/** The errors of a token request, with the row that presents each of them in OAuth's form. */
const oauthRows: ReadonlyMap<ErrorRow, ErrorRow> = new Map<ErrorRow, ErrorRow>([
  [authErrors.basicMissing, authErrors.invalidClient],
  [authErrors.basicIncomplete, authErrors.invalidClient],
  [authErrors.loginFailed, authErrors.invalidClient],
  [authErrors.refreshTokenInvalid, authErrors.invalidGrant],
  [authErrors.refreshTokenRevoked, authErrors.invalidGrant],
  [authErrors.refreshTokenExpired, authErrors.invalidGrant],
  [authErrors.tooManyAttempts, authErrors.slowDown],
  [authErrors.busy, authErrors.temporarilyUnavailable],
  [commonErrors.unavailable, authErrors.temporarilyUnavailable],
]);

/**
 * Runs a token request. If it has a `grant_type`, or a client id or key in its form, its errors get OAuth's form (RFC 6749
 * section 5.2): OAuth libraries read nothing else. An empty request, as the stock CLI sends it, keeps the v1 texts.
 */
export async function presentOAuthErrors<T>(
  deps: Core,
  { form, source }: { form: ClientForm; source: string },
  run: () => Promise<T>,
): Promise<T> {
  if (!form.grant_type && !form.client_id && !form.client_secret) return run();
  try {
    return await run();
  } catch (thrown) {
    const error = toApiError(thrown);
    const row = oauthRows.get(error.row);
    if (row === undefined) throw thrown;
    const reason = error.reason ?? error.code;
    // The new row has no security event, since most errors of a login have written theirs.
    if (error.row.audit !== undefined)
      await deps.audit({ event: error.row.audit, outcome: 'refused', source, reason });
    throw new ApiError(row, { headers: error.headers, cause: error.cause ?? error, reason });
  }
}
