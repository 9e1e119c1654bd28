import type { Core } from '../core/core.js';
import type { Principal } from '../principal/principal.js';

/** Writes to the security log what a caller did to a client, a key, a secret or a restriction. */
export function auditChange(
  { audit }: Core,
  { actor, source }: Principal,
  event: string,
  target: string,
): void {
  audit({ event, outcome: 'accepted', ...(actor !== undefined && { actor }), target, source });
}
