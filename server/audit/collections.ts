import type { Collection, ObjectId } from 'mongodb';
import type { IndexRow } from '../core/index-row.js';

/** One security event, or equal ones of one window. */
export interface AuditRecord {
  /** A digest of what equal events have in common, for those that are counted. */
  _id: ObjectId | string;
  /** When it happened; of counted events, the first. By the database's clock. */
  at: Date;
  /** The name of the OWASP Logging Vocabulary, or our own where that has none. */
  event: string;
  outcome: 'accepted' | 'refused';
  /** Client id of the caller; absent if it is not known. */
  actor?: string;
  actor_kind: string;
  source?: string;
  /** What the event is about: a client id, a key id, a queue, a job, or a route. */
  target?: string;
  /** The request; absent for counted events. */
  request_id?: string;
  reason?: string;
  /** What changed: field names, and the values before and after of fields that are not secret. */
  detail?: object;
  /** The number of equal events; absent for a single one. */
  count?: number;
  /** When the last of them happened. */
  last_at?: Date;
  expires_at: Date;
}

/** The collection of audit events. */
export interface AuditCollections {
  auditEvents: Collection<AuditRecord>;
}

/** Its name in the database. */
export const auditCollections = { auditEvents: 'audit_events' } satisfies Record<
  keyof AuditCollections,
  string
>;

const byField = (field: 'actor' | 'target' | 'event'): IndexRow<keyof AuditCollections> => ({
  collection: 'auditEvents',
  name: `qp_${field}`,
  keys: { [field]: 1, at: -1, _id: -1 },
  serves: `the audit events of one ${field}, the newest first`,
});

/** The indexes of audit events. */
export const auditIndexes: readonly IndexRow<keyof AuditCollections>[] = [
  {
    collection: 'auditEvents',
    name: 'qp_at',
    keys: { at: -1, _id: -1 },
    serves: 'the newest audit events, and those of a time',
  },
  byField('actor'),
  byField('target'),
  byField('event'),
  {
    collection: 'auditEvents',
    name: 'qp_expiry',
    keys: { expires_at: 1 },
    options: { expireAfterSeconds: 0 },
    serves: 'removing audit events after `AUDIT_DAYS`',
  },
];
