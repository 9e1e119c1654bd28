/** Name of the cookie by which an agent says who it is. */
export const agentCookieName = 'agent_name';

/**
 * The `Set-Cookie` value that names an agent for its later requests. A name with characters that a cookie cannot
 * hold goes percent-encoded; the stock agent sends it back as it came.
 */
export function presentAgentCookie(name: string, secure: boolean): string {
  const value = /^[A-Za-z0-9._~-]+$/.test(name) ? name : encodeURIComponent(name);
  return `${agentCookieName}=${value}; HttpOnly; Path=/; SameSite=Strict${secure ? '; Secure' : ''}`;
}

/** The agent's name in a cookie; a value that is not percent-encoded text is a name as it is. */
export function readAgentCookie(value: string | undefined): string | undefined {
  if (!value) return undefined;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
