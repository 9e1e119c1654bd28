import { z } from 'zod';
import { agentCookieName } from '../auth/agent-cookie.js';
import type { DepsOf } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import { empty, json, type Reply } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { jobSchema } from '../job/job-schema.js';
import { leaseErrors } from '../leases/errors.js';
import { roleGroups } from '../principal/roles.js';
import { listOf, openObject, text } from '../schema/schema.js';
import { claimErrors } from './errors.js';
import { presentClaimedJob } from './present-claimed-job.js';
import type { ClaimServices } from './services.js';
import { takeJob } from './take-job.js';

type ClaimRouteDeps = DepsOf<typeof takeJob> & Pick<ClaimServices, 'jobWaiters'>;
const route = routesOf<ClaimRouteDeps>();

const claimedJob = z.looseObject({
  ...jobSchema.shape,
  job_id: z.string(),
  exclude_agents: z.array(z.string()),
});

/** A client that waited should ask again at once, another process, when this one ends. */
function presentNoJob({ jobWaiters }: Pick<ClaimServices, 'jobWaiters'>, seconds: number): Reply {
  return seconds > 0 && jobWaiters.isEnding ? empty({ 'Retry-After': '0' }) : empty();
}

/** How stock agents ask for a job. */
export const claimRoutes: readonly AnyRoute<ClaimRouteDeps>[] = [
  route({
    method: 'GET',
    path: '/v1/job',
    family: 'v1',
    summary: 'Claim the first waiting job of the named queues',
    description:
      'The agent is known by its cookie. Highest priority first, then the oldest; one job goes to one agent. With `Prefer: wait=N` the response comes as soon as there is a job, within N seconds.',
    access: { roles: roleGroups.agents },
    audit: { none: 'the job records its holder' },
    query: openObject({ queue: listOf(text()).optional() }),
    repeated: ['queue'],
    cookies: { [agentCookieName]: 'Set by POST /v1/agents/data/{agent_name}.' },
    waits: true,
    answers: {
      200: { description: 'The job, which is now running.', content: claimedJob },
      204: { description: 'No job waits.', content: 'none' },
    },
    errors: [claimErrors.noQueueNamed, claimErrors.agentNotIdentified, leaseErrors.agentNameBound],
    refuseHead: true,
    noStore: true,
    async handle(deps, { query: { queue: queues }, principal: caller, waitSeconds: seconds, ...request }) {
      if (!queues?.length) throw new ApiError(claimErrors.noQueueNamed);
      if (caller.agentName === undefined) throw new ApiError(claimErrors.agentNotIdentified);
      const holder = { kind: 'agent', name: caller.agentName, queues, caller } as const;
      const taken = await takeJob(deps, holder, { ...request, seconds });
      if (taken === undefined) return presentNoJob(deps, seconds);
      request.noteJob(taken.job.job_id);
      return { ...json(presentClaimedJob(taken.job, taken.secrets)), undoIfUnsent: taken.release };
    },
  }),
];
