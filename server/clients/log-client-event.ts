import type { SecurityEvent } from '../core/audit.js';
import type { Deps } from '../deps.js';
import type { RouteRequest } from '../http/route.js';

/** Writes to the security log what a caller did to a client, a key or a restriction. */
export function logClientEvent(
  deps: Deps,
  { caller, source }: Pick<RouteRequest, 'caller' | 'source'>,
  event: SecurityEvent['event'],
  target: string,
): void {
  const actor = caller.clientId;
  deps.securityLog({ event, outcome: 'accepted', ...(actor !== undefined && { actor }), target, source });
}
