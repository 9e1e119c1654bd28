import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import type { FileServices } from '../files/services.js';
import type { AnyRoute } from '../http/route.js';
import type { HubServices } from '../hub/services.js';
import type { JobServices } from '../job/services.js';
import type { LeaseServices } from '../leases/services.js';
import type { LogServices } from '../logs/services.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import { artifactRoutes } from './artifact-routes.js';
import { resultErrors, resultQuirks } from './errors.js';
import { resultRoutes } from './routes.js';
import type { ResultServices } from './services.js';
import { createNewsOfJobs } from './news-of-jobs.js';

type Needs = Core &
  FileServices &
  HubServices &
  JobServices &
  ScrubbingServices &
  LogServices &
  LeaseServices;

/** Results of jobs, their logs and their artifacts. */
export const resultsArea: Area<ResultServices, Needs, AnyRoute<Needs & ResultServices>> = {
  name: 'results',
  errors: resultErrors,
  quirks: resultQuirks,
  routes: [...resultRoutes, ...artifactRoutes],
  createServices({ collections, log, metrics }) {
    const newsOfJobs = createNewsOfJobs(collections, log);
    metrics.beforeScrape.push(() => {
      metrics.waitingRequests.set({ for: 'state' }, newsOfJobs.states.count);
      metrics.waitingRequests.set({ for: 'log' }, newsOfJobs.logs.count);
    });
    return { newsOfJobs };
  },
  endWaits({ newsOfJobs }) {
    newsOfJobs.states.end();
    newsOfJobs.logs.end();
  },
  async stop({ newsOfJobs }) {
    await Promise.all([newsOfJobs.states.close(), newsOfJobs.logs.close()]);
  },
};
