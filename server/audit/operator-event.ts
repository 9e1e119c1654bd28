import type { AuditEvent } from '../core/audit.js';
import { makeRecord } from './audit-record.js';
import type { AuditCollections } from './collections.js';

/** Stores what an operator did directly in the database, without a server. @param days how long it is kept */
export async function storeOperatorEvent(
  { auditEvents }: AuditCollections,
  { event, target, detail }: Pick<AuditEvent, 'event' | 'detail'> & { target: string },
  days: number,
): Promise<void> {
  const change = {
    event,
    outcome: 'accepted',
    target,
    actor_kind: 'operator',
    ...(detail && { detail }),
  } as const;
  await auditEvents.insertOne(makeRecord(change, { at: new Date(), days }));
}
