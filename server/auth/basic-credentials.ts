import { isUtf8 } from 'node:buffer';
import { ApiError } from '../errors/api-error.js';
import { authErrors } from './errors.js';

/** The form fields of a token request (RFC 6749 sections 2.3.1, 4.4.2 and 6). */
export interface ClientForm {
  grant_type?: string | undefined;
  client_id?: string | undefined;
  client_secret?: string | undefined;
  refresh_token?: string | undefined;
}

/** A client id and key. */
export interface ClientCredentials {
  clientId: string;
  clientKey: string;
}

/** A client id and key as sent, and whether the client used HTTP Basic. */
export interface Credentials extends ClientCredentials {
  basic: boolean;
  /** The id and key form-decoded, if that makes a difference. */
  decoded?: ClientCredentials | undefined;
}

/** The header of a 401 that asks for HTTP Basic (RFC 7617); only requests that used HTTP Basic get it. */
export const basicChallenge = { 'WWW-Authenticate': 'Basic realm="queuepass", charset="UTF-8"' };

/**
 * Reads the client id and key of a token request: from HTTP Basic, else from the form. The stock CLI sends Basic values
 * as they are, and OAuth libraries form-encode them (RFC 6749 section 2.3.1), so both readings are returned.
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
  const text = encoded === undefined ? '' : readText(Buffer.from(encoded, 'base64'));
  const colon = text.indexOf(':');
  const clientId = text.slice(0, Math.max(colon, 0));
  const clientKey = colon === -1 ? '' : text.slice(colon + 1);
  if (clientId === '' || clientKey === '')
    throw new ApiError(authErrors.basicIncomplete, { headers: basicChallenge });
  return { clientId, clientKey, basic: true, decoded: decodeForm({ clientId, clientKey }) };
}

/** Reads UTF-8, or ISO 8859-1 if the bytes are not UTF-8: Python's requests and Authlib send that. */
function readText(bytes: Buffer): string {
  return bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');
}

/** Decodes `application/x-www-form-urlencoded` values; `undefined` if they are not encoded, or not correctly. */
function decodeForm({ clientId, clientKey }: ClientCredentials): ClientCredentials | undefined {
  if (!/[%+]/.test(clientId + clientKey)) return undefined;
  const decode = (value: string) => decodeURIComponent(value.replaceAll('+', ' '));
  try {
    return { clientId: decode(clientId), clientKey: decode(clientKey) };
  } catch {
    return undefined;
  }
}

/**
 * Returns the id by which logins of a client are counted. One id can be encoded in many ways, and sent in a form or a header
 * without encoding, so what looks encoded is decoded, also twice.
 */
export function presentCountedId(clientId: string): string {
  let id = clientId;
  for (let times = 0; times < 3; times += 1) {
    try {
      id = decodeURIComponent(id.replaceAll('+', ' '));
    } catch {
      return id.replaceAll('+', ' ');
    }
  }
  return id;
}
