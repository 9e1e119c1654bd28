import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import { findBatch } from '../db/batched-reads.js';
import { createIndexHints } from '../db/index-hint.js';
import type { DatabaseServices } from '../db/services.js';
import type { JobServices } from '../job/services.js';
import type { LogServices } from '../logs/services.js';
import type { PeriodicServices } from '../periodic/services.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import { AgentWatch } from './agent-watch.js';
import { leaseCollections, leaseIndexes } from './collections.js';
import { cutLeasesTogether } from './cut-leases.js';
import { leaseErrors } from './errors.js';
import { measureLeases } from './measure-leases.js';
import { leaseMetrics } from './metrics.js';
import type { LeaseServices } from './services.js';
import { leaseSettings } from './settings.js';
import { leaseDuty } from './sweep-leases.js';
import { updateHeldJobs } from './update-held-jobs.js';

type Needs = Core &
  DatabaseServices &
  PeriodicServices &
  JobServices &
  ScrubbingServices &
  LogServices &
  Pick<LeaseServices, 'config' | 'collections' | 'metrics'>;

const holderFields = { name: 1, bound_to: 1, job_id: 1 };

/** Leases: who holds a job, for how long, and what happens when a holder is lost. */
export const leasesArea: Area<LeaseServices, Needs> = {
  name: 'leases',
  settings: leaseSettings,
  collections: leaseCollections,
  indexes: leaseIndexes,
  errors: leaseErrors,
  metrics: leaseMetrics,
  measures: [measureLeases],
  duties: [leaseDuty],
  createServices(deps) {
    const { collections, clock, log, batching } = deps;
    const leaseHints = createIndexHints(collections.jobs, leaseIndexes, {
      holder: 'qp_leases_of_holder',
      lostHolders: 'qp_lost_holders',
    });
    return {
      leaseHints,
      agentWatch: new AgentWatch(collections, clock, log),
      findHolder: batching.batched(findBatch(collections.agents, 'name', { projection: holderFields })),
      updateHeldJob: batching.batched((updates) => updateHeldJobs(collections.jobs, updates)),
      cutLeasesOf: batching.batched((names) => cutLeasesTogether({ ...deps, leaseHints }, names)),
    };
  },
  start({ agentWatch, leaseHints }) {
    agentWatch.start();
    for (const hint of Object.values(leaseHints)) void hint.load();
  },
  async stop({ agentWatch }) {
    agentWatch.stop();
  },
};
