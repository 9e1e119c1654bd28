import type { AuthServices } from '../auth/services.js';
import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import { createIndexHints } from '../db/index-hint.js';
import type { DatabaseServices } from '../db/services.js';
import type { FileServices } from '../files/services.js';
import type { AnyRoute } from '../http/route.js';
import type { JobServices } from '../job/services.js';
import type { LeaseServices } from '../leases/services.js';
import type { LogServices } from '../logs/services.js';
import type { QueueServices } from '../queues/services.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import type { SecretServices } from '../secrets/services.js';
import { sumWaitingBytes } from './anonymous-uploads.js';
import { attachmentRoutes } from './attachment-routes.js';
import { jobsErrors, jobsQuirks } from './errors.js';
import { eventRoutes } from './event-routes.js';
import { jobsIndexes } from './indexes.js';
import { jobRoutes } from './routes.js';
import { searchRoutes } from './search-routes.js';
import type { JobsServices } from './services.js';
import { jobsSettings } from './settings.js';

type Needs = Core &
  Pick<DatabaseServices, 'batching'> &
  AuthServices &
  FileServices &
  JobServices &
  ScrubbingServices &
  LogServices &
  SecretServices &
  LeaseServices &
  QueueServices;

/** The routes of jobs: submit, search, get and cancel jobs, and transfer their attachments and events. */
export const jobsArea: Area<JobsServices, Needs, AnyRoute<Needs & JobsServices>> = {
  name: 'jobs',
  settings: jobsSettings,
  indexes: jobsIndexes,
  errors: jobsErrors,
  quirks: jobsQuirks,
  createServices({ batching, collections: { jobs } }) {
    const jobsHints = createIndexHints(jobs, jobsIndexes, {
      anonymousBytes: 'qp_anonymous_bytes',
      inProgress: 'qp_in_progress',
    });
    const sum = batching.batched<undefined, number>(async (callers) => {
      const bytes = await sumWaitingBytes(jobs, jobsHints.anonymousBytes);
      return callers.map(() => bytes);
    });
    return { sumAnonymousBytes: () => sum(undefined), jobsHints };
  },
  routes: [...searchRoutes, ...jobRoutes, ...attachmentRoutes, ...eventRoutes],
};
