import type { Permissions } from './permissions.js';

/** The identity that a request's credentials prove. */
export interface Identity {
  /** As the token states it, so possibly not an existing role; empty for credentials without a role. */
  role: string;
  /** Absent for anonymous callers. */
  clientId?: string;
  /** Absent for anonymous callers and for tokens without permissions. */
  permissions?: Permissions;
  /** When the access token was issued, in seconds since 1970; absent for other credentials. */
  issuedAt?: number;
  /** The key made by the server that the request itself has; absent for access tokens and for secrets. */
  key?: PresentedKey;
  /** The session of a person's browser; absent for other credentials. */
  session?: PresentedSession;
}

/** A session as a request presents it. */
export interface PresentedSession {
  /** The secret in the cookie: never log or store it. */
  id: string;
  /** Names the session in lists and to those who end it. */
  handle: string;
  /** The person's subject at the provider; absent for a sign-in with a client key. */
  sub?: string;
  /** The person's name and e-mail address, as the client's record has them. */
  name?: string;
  email?: string;
  created_at: Date;
  /** Absent if sessions do not end by idling. */
  idle_expires_at?: Date;
  expires_at: Date;
}

/** A key made by the server, as far as it decides what its holder may do. */
export interface PresentedKey {
  key_id: string;
  /** Absent if the key never expires. */
  expires_at?: Date;
}

/**
 * The caller of a request, as domain functions and logs get it. An `agent` is a client with the role agent; its name
 * comes from its cookie. A `person` is a client whose request comes from a session of a browser.
 */
export interface Principal extends Identity {
  kind: 'anonymous' | 'client' | 'agent' | 'person';
  /** The name of the caller in the security log: its client id. */
  actor?: string;
  /** The caller's address in the security log and in the counters of failed logins. */
  source: string;
  requestId: string;
  /** The agent's name; absent for other kinds, and for an agent that has not named itself. */
  agentName?: string;
}

/** What a principal takes from a request besides its credentials. */
export interface RequestFacts {
  source: string;
  requestId: string;
  /** The name in the cookie by which an agent identifies itself. */
  agentName?: string | undefined;
}

/** Makes the principal of an identity; only a client with the role agent gets an agent name. */
export function makePrincipal(identity: Identity, { source, requestId, agentName }: RequestFacts): Principal {
  const { role, clientId, permissions, issuedAt, key, session } = identity;
  const isAgent = role === 'agent';
  const known = session === undefined ? 'client' : 'person';
  const kind = isAgent ? 'agent' : clientId === undefined ? 'anonymous' : known;
  const principal: Principal = { role, kind, source, requestId };
  // Assigned one by one, since each request makes a principal and spreads of objects are slow.
  if (clientId !== undefined) {
    principal.clientId = clientId;
    principal.actor = clientId;
  }
  if (permissions !== undefined) principal.permissions = permissions;
  if (issuedAt !== undefined) principal.issuedAt = issuedAt;
  if (key !== undefined) principal.key = key;
  if (session !== undefined) principal.session = session;
  if (isAgent && agentName !== undefined) principal.agentName = agentName;
  return principal;
}

/** Whether a request had no credentials. A token without a client id is one, although its caller is anonymous. */
export function hasNoCredentials({ kind, issuedAt }: Principal): boolean {
  return kind === 'anonymous' && issuedAt === undefined;
}
