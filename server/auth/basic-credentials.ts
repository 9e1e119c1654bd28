import { authErrors } from './errors.js';
import { ApiError } from '../errors/api-error.js';

/** The fields of RFC 6749 section 2.3.1, as a form gives them. */
export interface ClientForm {
  grant_type?: string | undefined;
  client_id?: string | undefined;
  client_secret?: string | undefined;
}

/** A client id and key as presented, and whether they came by HTTP Basic. */
export interface Credentials {
  clientId: string;
  clientKey: string;
  basic: boolean;
}

/** How a 401 asks for HTTP Basic (RFC 7617); it goes to requests that used it. */
export const basicChallenge = { 'WWW-Authenticate': 'Basic realm="queuepass", charset="UTF-8"' };

/**
 * The client id and key of a token request: HTTP Basic, whose values stay as they are (the stock CLI does not
 * percent-encode them), or else the form.
 * @throws ApiError 401 when there are none or they are incomplete.
 */
export function readCredentials(header: string | undefined, form: ClientForm): Credentials {
  // A parameter without a value counts as left out (RFC 6749 section 3.2).
  const { client_id: clientId, client_secret: clientKey } = form;
  if (header && /^basic(\s|$)/i.test(header)) return readBasic(header);
  if (clientId && clientKey) return { clientId, clientKey, basic: false };
  throw new ApiError(header || clientId || clientKey ? authErrors.basicIncomplete : authErrors.basicMissing);
}

function readBasic(header: string): Credentials {
  const encoded = /^basic +([A-Za-z0-9+/=_-]+)$/i.exec(header)?.[1];
  const decoded = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  const clientId = decoded.slice(0, Math.max(colon, 0));
  const clientKey = colon === -1 ? '' : decoded.slice(colon + 1);
  if (clientId === '' || clientKey === '')
    throw new ApiError(authErrors.basicIncomplete, { headers: basicChallenge });
  return { clientId, clientKey, basic: true };
}
