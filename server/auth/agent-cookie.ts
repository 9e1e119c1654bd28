import type { CredentialRequest } from '../http/scheme.js';
import type { Identity } from '../principal/principal.js';

/** Name of the cookie by which an agent identifies itself. */
export const agentCookieName = 'agent_name';

/**
 * The `Set-Cookie` value that names an agent for its later requests. A name with characters that a cookie cannot
 * hold is percent-encoded; the stock agent sends it back as it came.
 */
export function presentAgentCookie(name: string, secure: boolean): string {
  const value = /^[A-Za-z0-9._~-]+$/.test(name) ? name : encodeURIComponent(name);
  return `${agentCookieName}=${value}; HttpOnly; Path=/; SameSite=Strict${secure ? '; Secure' : ''}`;
}

/** The agent's name in the cookie of a request of the role agent; a value that is not percent-encoded is a name as it is. */
export function readAgentCookie(
  { cookie }: Pick<CredentialRequest, 'cookie'>,
  { role }: Identity,
): string | undefined {
  const value = role === 'agent' ? cookie(agentCookieName) : undefined;
  if (!value) return undefined;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
