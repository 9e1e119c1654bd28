import type { CredentialRequest } from '../http/scheme.js';
import type { Identity } from '../principal/principal.js';

/** Name of the cookie by which an agent identifies itself. */
export const agentCookieName = 'agent_name';

/**
 * Returns the `Set-Cookie` value that identifies an agent in its later requests. A name with characters that a cookie
 * cannot contain is percent-encoded; the stock agent sends the value back unchanged.
 */
export function presentAgentCookie(name: string, secure: boolean): string {
  const value = /^[A-Za-z0-9._~-]+$/.test(name) ? name : encodeURIComponent(name);
  return presentCookie(agentCookieName, value, secure);
}

/** Name of the cookie with the mark of the newest write to its record that an agent knows. It proves nothing. */
export const agentWriteCookieName = 'agent_write';

/** Returns the `Set-Cookie` value of such a mark, whose characters need no encoding. */
export function presentWriteCookie(mark: string, secure: boolean): string {
  return presentCookie(agentWriteCookieName, mark, secure);
}

function presentCookie(name: string, value: string, secure: boolean): string {
  return `${name}=${value}; HttpOnly; Path=/; SameSite=Strict${secure ? '; Secure' : ''}`;
}

/** Reads the agent's name from the cookie of a caller with the role agent; a value that is not valid percent-encoding is the name itself. */
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
