import type { AgentServices } from './services.js';
import type { DepsOf } from '../core/core.js';
import { roleGroups } from '../principal/roles.js';
import { agentErrors } from './errors.js';
import { leaseErrors } from '../leases/errors.js';
import { z } from 'zod';
import { json, text } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import {
  advertiseImages,
  advertiseQueues,
  imagesInput,
  queuesInput,
  readAdvertisedQueues,
  readImages,
} from './advertised-queues.js';
import { presentAgentCookie } from '../auth/agent-cookie.js';
import { findAgent } from './get-agent.js';
import { listAgents } from './list-agents.js';
import { findMasker, maskText } from '../scrubbing/mask-input.js';
import { holdJob } from '../leases/held-job.js';
import { noteAgentReport } from '../leases/note-agent-report.js';
import { readJobId } from '../job/job-id.js';
import { agentInput, postAgentData } from './post-agent-data.js';
import { postProvisionLog, provisionLogInput } from './post-provision-log.js';

type RouteDeps = Pick<AgentServices, 'collections'> &
  DepsOf<typeof postAgentData> &
  DepsOf<typeof holdJob> &
  DepsOf<typeof findAgent>;
const route = routesOf<RouteDeps>();

const agentAnswer = z.looseObject({
  name: z.string(),
  ...agentInput.omit({ log: true }).shape,
  updated_at: z.string().optional(),
  restricted_to: z.record(z.string(), z.array(z.string())),
});

const tellers = { roles: roleGroups.reporters } as const;
const readers = { roles: roleGroups.submitters } as const;

/** Agents: what they tell about themselves, their queues and their provisions. */
export const agentRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'POST',
    path: '/v1/agents/data/{agent_name}',
    family: 'v1',
    summary: 'An agent tells about itself',
    description: 'The answer sets the cookie by which the agent is known in its later requests.',
    access: { roles: roleGroups.reporters },
    body: { mode: 'json', schema: agentInput },
    answers: { 200: { description: 'It is stored.', content: z.strictObject({ status: z.literal('OK') }) } },
    errors: [leaseErrors.agentNameBound],
    async handle(deps, request) {
      const { params, body, secure } = request;
      await postAgentData(deps, request.principal, params.agent_name, body);
      return json({ status: 'OK' }, { 'Set-Cookie': presentAgentCookie(params.agent_name, secure) });
    },
  }),
  route({
    method: 'GET',
    path: '/v1/agents/data/{agent_name}',
    family: 'v1',
    summary: 'What an agent told about itself',
    access: { roles: roleGroups.everyRole },
    answers: {
      200: { description: 'The agent.', content: agentAnswer },
      404: { description: 'No agent has this name.', content: z.strictObject({}) },
    },
    async handle(deps, request) {
      const { params } = request;
      const agent = await findAgent(deps, params.agent_name);
      await noteAgentReport(deps, request.principal, params.agent_name, agent?.job_id as string | undefined);
      // An empty object, since the stock agent reads fields of it before its first post.
      return agent === undefined ? { ...json({}), status: 404 } : json(agent);
    },
  }),
  route({
    method: 'GET',
    path: '/v1/agents/data',
    family: 'v1',
    summary: 'All agents',
    access: readers,
    answers: { 200: { description: 'The agents, by name.', content: z.array(agentAnswer) } },
    async handle(deps) {
      return json(await listAgents(deps));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/agents/queues',
    family: 'v1',
    summary: 'Advertises queues, each with a description',
    access: tellers,
    body: { mode: 'json', schema: queuesInput },
    answers: { 200: { description: '`OK`', content: 'text' } },
    async handle(deps, { body }) {
      await advertiseQueues(deps, body);
      return text('OK');
    },
  }),
  route({
    method: 'GET',
    path: '/v1/agents/queues',
    family: 'v1',
    summary: 'The queues that agents advertise, with their descriptions',
    access: readers,
    answers: { 200: { description: 'The queues.', content: z.record(z.string(), z.string()) } },
    async handle(deps) {
      return json(await readAdvertisedQueues(deps));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/agents/images',
    family: 'v1',
    summary: 'Tells the images of queues, in place of those that each had',
    access: tellers,
    body: { mode: 'json', schema: imagesInput },
    answers: { 200: { description: '`OK`', content: 'text' } },
    async handle(deps, { body }) {
      await advertiseImages(deps, body);
      return text('OK');
    },
  }),
  route({
    method: 'GET',
    path: '/v1/agents/images/{queue}',
    family: 'v1',
    summary: 'The images of a queue',
    access: readers,
    answers: {
      200: {
        description: 'What each image stands for; `{}` for an unknown queue.',
        content: z.record(z.string(), z.unknown()),
      },
    },
    async handle(deps, { params }) {
      return json(await readImages(deps, params.queue));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/agents/provision_logs/{agent_name}',
    family: 'v1',
    summary: 'An agent tells how a provision ended',
    description: 'The same job and exit code within a minute count once.',
    access: { roles: roleGroups.agents },
    body: { mode: 'json', schema: provisionLogInput },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: [agentErrors.notFound],
    async handle(deps, request) {
      const { params, body } = request;
      const jobId = readJobId(body.job_id);
      const hold =
        jobId === undefined ? undefined : await holdJob(deps, request.principal, jobId, { writes: false });
      const masker = await findMasker(deps, hold?.job, params.agent_name);
      const { detail } = body;
      const masked = { ...body, ...(detail !== undefined && { detail: maskText(detail, masker) }) };
      await postProvisionLog(deps, params.agent_name, masked);
      return text('OK');
    },
  }),
];
