import type { Configuration } from 'openid-client';
import type { ProviderSettings } from './provider.js';
import type { PeopleServices } from './services.js';

/** A provider's response to a form. */
export interface FormResponse {
  ok: boolean;
  /** `undefined` if the body is not a JSON object. */
  body: Record<string, unknown> | undefined;
}

/**
 * Sends a form to an endpoint of the provider, as this server's client: with HTTP Basic if it has a secret, else with `client_id` in
 * the form (RFC 6749 section 2.3.1).
 * @throws Error if the provider does not respond in 5 s
 */
export async function sendProviderForm(
  { provider, config }: Pick<PeopleServices, 'provider'> & { config: ProviderSettings },
  endpoint: string,
  fields: Record<string, string>,
): Promise<FormResponse> {
  const { oidcClientId = '', oidcClientSecret } = config;
  const form = new URLSearchParams(fields);
  const headers: Record<string, string> = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
  };
  if (oidcClientSecret === undefined) form.set('client_id', oidcClientId);
  else headers.authorization = presentBasic(oidcClientId, oidcClientSecret);
  const response = await provider.fetch(endpoint, { method: 'POST', headers, body: form.toString() });
  return { ok: response.ok, body: readObject(await response.text()) };
}

function presentBasic(id: string, secret: string): string {
  const encode = (text: string) => new URLSearchParams({ text }).toString().slice('text='.length);
  return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`;
}

function readObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Returns an endpoint of the provider's metadata, if they have it. It uses TLS, unless the issuer itself uses none. */
export function findEndpoint(
  configuration: Configuration,
  name:
    | 'authorization_endpoint'
    | 'device_authorization_endpoint'
    | 'token_endpoint'
    | 'userinfo_endpoint'
    | 'end_session_endpoint',
): string | undefined {
  const { issuer, [name]: endpoint } = configuration.serverMetadata();
  if (typeof endpoint !== 'string' || !URL.canParse(endpoint)) return undefined;
  const { protocol } = new URL(endpoint);
  const isSafe = protocol === 'https:' || (protocol === 'http:' && issuer.startsWith('http:'));
  return isSafe ? endpoint : undefined;
}
