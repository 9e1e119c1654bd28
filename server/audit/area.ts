import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import { insertBatch } from '../db/batched-writes.js';
import type { DatabaseServices } from '../db/services.js';
import type { AnyRoute } from '../http/route.js';
import { AuditTrail } from './audit-trail.js';
import { type AuditRecord, auditCollections, auditIndexes } from './collections.js';
import { auditRoutes } from './routes.js';
import type { AuditServices } from './services.js';
import { auditSettings } from './settings.js';

type Needs = Core & DatabaseServices & Pick<AuditServices, 'config' | 'collections'>;

/** The audit trail: who did what, kept in the database. */
export const auditArea: Area<AuditServices, Needs, AnyRoute<Needs & AuditServices>> = {
  name: 'audit',
  settings: auditSettings,
  collections: auditCollections,
  indexes: auditIndexes,
  routes: auditRoutes,
  createServices(deps) {
    const { collections, batching } = deps;
    const insert = batching.batched<AuditRecord, void>((records) =>
      insertBatch(collections.auditEvents, records),
    );
    return { auditTrail: new AuditTrail({ ...deps, insert }) };
  },
  stop: ({ auditTrail }) => auditTrail.close(),
};
