import type { AuditEvent } from '../core/audit.js';
import type { Core } from '../core/core.js';
import type { Principal } from '../principal/principal.js';

/** Logs a caller's change of a client, a key, a secret or a queue restriction as a security event. */
export function auditChange(
  { audit }: Core,
  { actor, source }: Principal,
  event: string,
  target: string,
  details: Pick<AuditEvent, 'created' | 'changed' | 'before' | 'after'> = {},
): void {
  const named = { ...(actor !== undefined && { actor }), target, source };
  audit({ event, outcome: 'accepted', ...named, ...details });
}
