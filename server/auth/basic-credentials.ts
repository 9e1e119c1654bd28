import { ApiError } from '../errors/api-error.js';
import { authErrors } from './errors.js';

/** The form fields of a token request (RFC 6749 section 2.3.1). */
export interface ClientForm {
  grant_type?: string | undefined;
  client_id?: string | undefined;
  client_secret?: string | undefined;
}

/** A client id and key as sent, and whether the client used HTTP Basic. */
export interface Credentials {
  clientId: string;
  clientKey: string;
  basic: boolean;
}

/** The header of a 401 that asks for HTTP Basic (RFC 7617); only requests that used HTTP Basic get it. */
export const basicChallenge = { 'WWW-Authenticate': 'Basic realm="queuepass", charset="UTF-8"' };

/**
 * Reads the client id and key of a token request: from HTTP Basic, whose values are not decoded (the stock CLI does not
 * percent-encode them), else from the form.
 * @throws ApiError 401 when they are missing or incomplete
 */
export function readCredentials(header: string | undefined, form: ClientForm): Credentials {
  // A parameter without a value counts as omitted (RFC 6749 section 3.2).
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
