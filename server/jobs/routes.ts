import { z } from 'zod';
import { checkAgentName } from '../leases/agent-binding.js';
import { readAgentCookie, agentCookieName } from '../auth/agent-cookie.js';
import { ApiError } from '../errors/api-error.js';
import type { Deps } from '../deps.js';
import { empty, json, type Reply, text } from '../http/reply.js';
import { type AnyRoute, route } from '../http/route.js';
import { listOf, object, oneOf, openObject, text as textSchema } from '../schema/schema.js';
import { cutLeases } from '../leases/cut-leases.js';
import { readJobSecrets } from '../secrets/read-job-secrets.js';
import { cancelJob } from './cancel-job.js';
import { findJob } from '../job/find-job.js';
import { getJobId } from '../job/get-job-id.js';
import { readJobId } from '../job/job-id.js';
import { getJobPosition } from './job-position.js';
import { checkJobOwner } from './job-ownership.js';
import { jobSchema, submittedJobSchema } from './job-schema.js';
import { presentClaimedJob, presentJob } from './present-job.js';
import { releaseClaim } from '../claims/release-claim.js';
import { submitJob } from './submit-job.js';
import { waitForJob } from '../claims/wait-for-job.js';

const submitters = { roles: ['contributor', 'manager', 'admin'] } as const;
const jobAnswer = z.looseObject({
  ...jobSchema.shape,
  job_id: z.string(),
  exclude_agents: z.array(z.string()),
});
const attemptAnswer = z.strictObject({
  attempt: z.int(),
  holder: z.string(),
  started_at: z.iso.datetime().optional(),
  ended_at: z.iso.datetime(),
  reason: z.enum(['lease_expired', 'resubmitted']),
  job_state: z.string(),
  discarded: z.int().optional(),
});
const shownJobAnswer = jobAnswer.extend({
  lease: z
    .strictObject({ attempt: z.int(), holder: z.string().optional(), until: z.iso.datetime().optional() })
    .optional(),
  attempts: z.array(attemptAnswer).optional(),
});

/** A client that waited is to ask again at once, another process, when this one ends. */
function presentNoJob({ jobWaiters }: Deps, seconds: number): Reply {
  return seconds > 0 && jobWaiters.isEnding ? empty({ 'Retry-After': '0' }) : empty();
}

/** Jobs: submitted, claimed, looked at, cancelled. */
export const jobRoutes: readonly AnyRoute[] = [
  route({
    method: 'POST',
    path: '/v1/job',
    family: 'v1',
    summary: 'Submits a job',
    access: submitters,
    headers: { 'idempotency-key': 'Sent again within a day with the same body, it names the same job.' },
    body: { mode: 'json', schema: submittedJobSchema, limit: 16 * 1024 * 1024 - 1 },
    answers: { 200: { description: 'The job is stored.', content: z.strictObject({ job_id: z.string() }) } },
    errors: [
      'no_agent_left',
      'no_secrets_store',
      'secrets_without_client',
      'secrets_inaccessible',
      'job_id_invalid',
      'resubmit_refused',
      'push_unauthenticated',
      'push_refused',
      'idempotency_key_reused',
    ],
    async handle(deps, { body, caller, header, noteJob }) {
      const jobId = await submitJob(deps, { caller, input: body, idempotencyKey: header('idempotency-key') });
      noteJob(readJobId(jobId) ?? jobId);
      return json({ job_id: jobId });
    },
  }),
  route({
    method: 'GET',
    path: '/v1/job',
    family: 'v1',
    summary: 'Takes the first waiting job of the named queues',
    description:
      'The agent is known by its cookie. Highest priority first, then the oldest; one job goes to one agent. With `Prefer: wait=N` the answer comes as soon as there is a job, within N seconds.',
    access: { roles: ['agent'] },
    query: openObject({ queue: listOf(textSchema()).optional() }),
    repeated: ['queue'],
    cookies: { [agentCookieName]: 'Set by POST /v1/agents/data/{agent_name}.' },
    waits: true,
    answers: {
      200: { description: 'The job, which is now running.', content: jobAnswer },
      204: { description: 'No job waits.', content: 'none' },
    },
    errors: ['no_queue_named', 'agent_not_identified', 'agent_name_bound'],
    refuseHead: true,
    async handle(deps, request) {
      const { query, cookie, noteJob, waitSeconds: seconds } = request;
      const { queue: queues } = query;
      if (!queues?.length) throw new ApiError('no_queue_named');
      const agent = readAgentCookie(cookie(agentCookieName));
      if (agent === undefined) throw new ApiError('agent_not_identified');
      if (deps.config.agentBinding === 'enforce') await checkAgentName(deps, request, agent);
      deps.agentWatch.saw(agent);
      await cutLeases(deps, agent);
      const job = await waitForJob(deps, { queues, agent, seconds, ...request });
      if (job === undefined) return presentNoJob(deps, seconds);
      noteJob(job.job_id);
      const giveBack = () => releaseClaim(deps, job);
      const secrets = await readJobSecrets(deps, job).catch(async (error: unknown) => {
        await giveBack();
        throw error;
      });
      return { ...json(presentClaimedJob(job, secrets)), ifUnsent: giveBack };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/job/{job_id}',
    family: 'v1',
    summary: 'A job as it was submitted, and who has it',
    description: 'Once it was claimed: `lease` tells its holder, `attempts` those that were lost.',
    access: submitters,
    answers: {
      200: { description: 'The job.', content: shownJobAnswer },
      204: { description: 'No job has this id.', content: 'none' },
    },
    errors: ['job_id_invalid'],
    async handle(deps, request) {
      const job = await findJob(deps, getJobId(request));
      return job === undefined ? empty() : json(presentJob(job, request.params.job_id));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/job/{job_id}/position',
    family: 'v1',
    summary: 'How many waiting jobs are before a job',
    access: submitters,
    answers: { 200: { description: 'A number.', content: 'text' } },
    errors: ['job_id_invalid', 'job_not_waiting'],
    async handle(deps, request) {
      return text(String(await getJobPosition(deps, getJobId(request))));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/job/{job_id}/action',
    family: 'v1',
    summary: 'Cancels a job',
    access: submitters,
    body: { mode: 'json', schema: object({ action: oneOf('cancel') }) },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: ['job_id_invalid_line', 'job_already_ended', 'job_not_owned'],
    async handle(deps, request) {
      const jobId = getJobId(request, 'job_id_invalid_line');
      await checkJobOwner(deps, request.caller, jobId);
      await cancelJob(deps, jobId);
      return text('OK');
    },
  }),
];
