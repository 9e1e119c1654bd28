import { z } from 'zod';
import { auditChange } from '../audit/audit-change.js';
import {
  agentCookieName,
  agentWriteCookieName,
  presentAgentCookie,
  presentWriteCookie,
} from '../auth/agent-cookie.js';
import type { DepsOf } from '../core/core.js';
import { json, text } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { readJobId } from '../job/job-id.js';
import { checkAgentName } from '../leases/agent-binding.js';
import { leaseErrors } from '../leases/errors.js';
import { holdJob } from '../leases/hold-job.js';
import { noteAgentReport } from '../leases/note-agent-report.js';
import type { LeaseServices } from '../leases/services.js';
import { roleGroups } from '../principal/roles.js';
import { findMasker, maskText } from '../scrubbing/mask-input.js';
import {
  advertiseImages,
  advertiseQueues,
  imagesInput,
  queuesInput,
  readAdvertisedQueues,
  readImages,
} from './advertised-queues.js';
import { agentErrors } from './errors.js';
import { findAgent, findOwnAgent, type OwnAgent } from './find-agent.js';
import { listAgents } from './list-agents.js';
import { agentInput, postAgentData } from './post-agent-data.js';
import { postProvisionLog, provisionLogInput } from './post-provision-log.js';
import type { AgentServices } from './services.js';

type RouteDeps = Pick<LeaseServices, 'collections'> &
  Pick<AgentServices, 'collections' | 'createWriteMark'> &
  DepsOf<typeof postAgentData> &
  DepsOf<typeof checkAgentName> &
  DepsOf<typeof holdJob> &
  DepsOf<typeof findAgent>;
const route = routesOf<RouteDeps>();

const agentResponse = z.looseObject({
  name: z.string(),
  ...agentInput.omit({ log: true }).shape,
  updated_at: z.string().optional(),
  restricted_to: z.record(z.string(), z.array(z.string())),
});

const reporters = { roles: roleGroups.reporters } as const;
const readers = { roles: roleGroups.submitters } as const;

/** The routes of agents: what agents report about themselves, their queues and their provisions. */
export const agentRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'POST',
    path: '/v1/agents/data/{agent_name}',
    family: 'v1',
    summary: 'Report data of an agent',
    description:
      'The response sets two cookies that the agent sends in its later requests: `agent_name` identifies it, and `agent_write` names this write, so that the agent reads its own writes.',
    access: { roles: roleGroups.reporters },
    audit: ['agent_changed'],
    body: { mode: 'json', schema: agentInput },
    answers: {
      200: { description: 'The data is stored.', content: z.strictObject({ status: z.literal('OK') }) },
    },
    errors: [leaseErrors.agentNameBound],
    async handle(deps, request) {
      const { params, body, principal, secure } = request;
      const { agent_name: name } = params;
      const known = request.cookie(agentWriteCookieName);
      const mark = await postAgentData(deps, principal, { name, known, input: body });
      // Agents report all the time; a change by anybody else is that of an operator.
      if (principal.kind !== 'agent')
        await auditChange(deps, principal, 'agent_changed', name, { changed: Object.keys(body) });
      const cookies = [presentAgentCookie(name, secure), presentWriteCookie(mark, secure)];
      return json({ status: 'OK' }, { 'Set-Cookie': cookies });
    },
  }),
  route({
    method: 'GET',
    path: '/v1/agents/data/{agent_name}',
    family: 'v1',
    summary: 'Get the data of an agent',
    access: { roles: roleGroups.everyRole },
    audit: { none: 'a read changes nothing' },
    cookies: {
      [agentCookieName]: 'Set by POST /v1/agents/data/{agent_name}.',
      [agentWriteCookieName]:
        'The newest write to its data that an agent knows. Set by the POST, and by this route if it returns a newer one.',
    },
    answers: {
      200: { description: 'The agent.', content: agentResponse },
      404: { description: 'No agent has this name.', content: z.strictObject({}) },
    },
    async handle(deps, request) {
      const { params, principal, secure } = request;
      const { agent_name: name } = params;
      const { agent, newMark }: OwnAgent =
        principal.agentName === name
          ? await findOwnAgent(deps, name, request.cookie(agentWriteCookieName))
          : { agent: await findAgent(deps, name) };
      await noteAgentReport(deps, principal, name, agent?.job_id as string | undefined);
      // An empty object, because the stock agent reads its fields before its first report.
      if (agent === undefined) return { ...json({}), status: 404 };
      return json(
        agent,
        newMark === undefined ? undefined : { 'Set-Cookie': presentWriteCookie(newMark, secure) },
      );
    },
  }),
  route({
    method: 'GET',
    path: '/v1/agents/data',
    family: 'v1',
    summary: 'List all agents',
    access: readers,
    audit: { none: 'a read changes nothing' },
    answers: { 200: { description: 'The agents, by name.', content: z.array(agentResponse) } },
    async handle(deps) {
      return json(await listAgents(deps));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/agents/queues',
    family: 'v1',
    summary: 'Advertise queues with their descriptions',
    access: reporters,
    audit: { none: 'agents repeat it at each start' },
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
    summary: 'List the advertised queues with their descriptions',
    access: readers,
    audit: { none: 'a read changes nothing' },
    answers: { 200: { description: 'The queues.', content: z.record(z.string(), z.string()) } },
    async handle(deps) {
      return json(await readAdvertisedQueues(deps));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/agents/images',
    family: 'v1',
    summary: 'Replace the images of queues',
    access: reporters,
    audit: { none: 'agents repeat it at each start' },
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
    summary: 'Get the images of a queue',
    access: readers,
    audit: { none: 'a read changes nothing' },
    answers: {
      200: {
        description: 'The provision data of each image; `{}` for an unknown queue.',
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
    summary: 'Report the result of a provision',
    description: 'Repeated reports of the same job and exit code within a minute count once.',
    access: { roles: roleGroups.agents },
    audit: { none: 'the provision log records it' },
    body: { mode: 'json', schema: provisionLogInput },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: [leaseErrors.agentNameBound, leaseErrors.notHeld, agentErrors.notFound],
    async handle(deps, request) {
      const { params, body } = request;
      await checkAgentName(deps, request.principal, params.agent_name);
      const jobId = readJobId(body.job_id);
      const hold =
        jobId === undefined ? undefined : await holdJob(deps, request.principal, jobId, { writes: true });
      const masker = await findMasker(deps, hold?.job, params.agent_name);
      const { detail } = body;
      const masked = { ...body, ...(detail !== undefined && { detail: maskText(detail, masker) }) };
      const mark = await postProvisionLog(deps, params.agent_name, masked);
      if (request.principal.agentName !== params.agent_name) return text('OK');
      return text('OK', { 'Set-Cookie': presentWriteCookie(mark, request.secure) });
    },
  }),
];
