import type { Permissions } from './permissions.js';

/** Who the credentials of a request say that its sender is. */
export interface Identity {
  /** A word that may be no role at all, when a token says so; empty for credentials without a role. */
  role: string;
  /** Absent for anonymous callers. */
  clientId?: string;
  /** Absent for anonymous callers and for tokens that state none. */
  permissions?: Permissions;
}

/**
 * Who calls: what a function of the domain takes of a request, and what the logs say about its sender. An `agent` is a
 * client of the role agent, with the name that its cookie gives.
 */
export interface Principal extends Identity {
  kind: 'anonymous' | 'client' | 'agent';
  /** Who the security log names: the client id. */
  actor?: string;
  /** The client's address as the security log and the counters name it. */
  source: string;
  requestId: string;
  /** The agent's name; absent for other kinds, and for an agent that has not named itself. */
  agentName?: string;
}

/** What a request says besides its credentials. */
export interface RequestFacts {
  source: string;
  requestId: string;
  /** The name in the cookie by which an agent identifies itself. */
  agentName?: string | undefined;
}

/** The principal of an identity; only clients of the role agent can have an agent's name. */
export function makePrincipal(identity: Identity, { source, requestId, agentName }: RequestFacts): Principal {
  const isAgent = identity.role === 'agent';
  return {
    ...identity,
    kind: isAgent ? 'agent' : identity.clientId === undefined ? 'anonymous' : 'client',
    ...(identity.clientId !== undefined && { actor: identity.clientId }),
    source,
    requestId,
    ...(isAgent && agentName !== undefined && { agentName }),
  };
}
