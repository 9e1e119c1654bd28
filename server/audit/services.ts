import type { AuditTrail } from './audit-trail.js';
import type { AuditCollections } from './collections.js';
import type { AuditSettings } from './settings.js';

/** The dependencies that the audit area provides to functions. */
export interface AuditServices {
  config: AuditSettings;
  collections: AuditCollections;
  auditTrail: AuditTrail;
}
