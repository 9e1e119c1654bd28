import type { AuditEvent } from '../core/audit.js';
import type { Core } from '../core/core.js';
import type { Principal } from '../principal/principal.js';

/** A sign-in that failed. */
export interface RefusedSignIn {
  principal: Pick<Principal, 'source' | 'requestId'>;
  reason: string;
  /** The e-mail address that the provider stated; unknown before its answer was checked. */
  email?: string | undefined;
}

/** Writes the one security event of a sign-in that failed. */
export function refuseSignIn({ audit }: Core, { principal, reason, email }: RefusedSignIn): Promise<void> {
  const event: AuditEvent = { event: 'sign_in', outcome: 'refused', source: principal.source, reason };
  return audit({ ...event, request_id: principal.requestId, ...(email !== undefined && { target: email }) });
}
