import type { Deps } from '../deps.js';
import { ApiError } from '../errors/api-error.js';
import { accessTokenSeconds, signAccessToken } from './access-token.js';
import { basicChallenge, type Credentials } from './basic-credentials.js';
import { issueRefreshToken, useRefreshToken } from './refresh-token.js';
import { verifyClient } from './verify-client.js';

/** A successful answer of the token endpoint (RFC 6749 section 5.1). */
export interface TokenAnswer {
  access_token: string;
  token_type: 'Bearer';
  /** Seconds. */
  expires_in: number;
  refresh_token?: string;
}

/**
 * An access token and a refresh token for a client id and key.
 * @throws ApiError as `verifyClient`; a 401 to HTTP Basic carries its challenge.
 */
export async function grantByClientKey(
  deps: Deps,
  credentials: Credentials,
  source: string,
): Promise<TokenAnswer> {
  const { clientId, clientKey, basic } = credentials;
  const record = await verifyClient(deps, { clientId, clientKey, source }).catch((error: unknown) => {
    if (basic && error instanceof ApiError && error.code === 'login_failed') {
      throw new ApiError('login_failed', { headers: basicChallenge, cause: error });
    }
    throw error;
  });
  const refreshToken = await issueRefreshToken(deps, record.client_id);
  return { ...presentToken(signAccessToken(deps, record)), refresh_token: refreshToken };
}

/**
 * An access token for a refresh token, with the permissions of this moment.
 * @throws ApiError 400 for a refresh token that is no longer good, or whose client is gone.
 */
export async function grantByRefreshToken(deps: Deps, token: string, source: string): Promise<TokenAnswer> {
  try {
    const { client_id: clientId } = await useRefreshToken(deps, token);
    const record = await deps.batches.findClient(clientId);
    if (record === undefined) throw new ApiError('refresh_token_invalid', { reason: 'client gone' });
    deps.securityLog({ event: 'refresh', outcome: 'accepted', actor: clientId, source });
    return presentToken(signAccessToken(deps, record));
  } catch (error) {
    if (error instanceof ApiError) {
      deps.securityLog({ event: 'refresh', outcome: 'refused', source, reason: error.reason ?? error.code });
    }
    throw error;
  }
}

function presentToken(accessToken: string): TokenAnswer {
  return { access_token: accessToken, token_type: 'Bearer', expires_in: accessTokenSeconds };
}
