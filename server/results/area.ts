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
import { createJobTopics } from './job-topics.js';
import { resultRoutes } from './routes.js';
import type { ResultServices } from './services.js';

type Needs = Core &
  FileServices &
  HubServices &
  JobServices &
  ScrubbingServices &
  LogServices &
  LeaseServices;

/** The area of job results: the routes of results, logs and artifacts. */
export const resultsArea: Area<ResultServices, Needs, AnyRoute<Needs & ResultServices>> = {
  name: 'results',
  errors: resultErrors,
  quirks: resultQuirks,
  routes: [...resultRoutes, ...artifactRoutes],
  createServices({ collections, log, metrics }) {
    const jobTopics = createJobTopics(collections, log);
    metrics.beforeScrape.push(() => {
      metrics.waitingRequests.set({ for: 'state' }, jobTopics.states.count);
      metrics.waitingRequests.set({ for: 'log' }, jobTopics.logs.count);
    });
    return { jobTopics };
  },
  endWaits({ jobTopics }) {
    jobTopics.states.end();
    jobTopics.logs.end();
  },
  async stop({ jobTopics }) {
    await Promise.all([jobTopics.states.close(), jobTopics.logs.close()]);
  },
};
