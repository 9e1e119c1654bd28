import type { AuditEvent } from '../core/audit.js';
import type { Core } from '../core/core.js';
import type { Principal } from '../principal/principal.js';

/**
 * Logs and stores a caller's change of a client, a key, a secret, a queue restriction or a job as a security event. Await it
 * before the change is answered.
 */
export function auditChange(
  { audit }: Core,
  { actor, kind, source, requestId }: Principal,
  event: string,
  target: string,
  details: Pick<AuditEvent, 'created' | 'changed' | 'before' | 'after' | 'subject' | 'detail'> = {},
): Promise<void> {
  const named = {
    ...(actor !== undefined && { actor }),
    actor_kind: kind,
    target,
    source,
    request_id: requestId,
  };
  return audit({ event, outcome: 'accepted', ...named, ...details });
}
