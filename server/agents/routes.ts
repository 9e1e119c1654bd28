import { z } from 'zod';
import { json } from '../http/reply.js';
import { type AnyRoute, route } from '../http/route.js';
import { presentAgentCookie } from './agent-cookie.js';
import { findAgent } from './get-agent.js';
import { agentInput, postAgentData } from './post-agent-data.js';

const agentAnswer = z.looseObject({
  name: z.string(),
  state: z.string().optional(),
  queues: z.array(z.string()).optional(),
  updated_at: z.string().optional(),
  restricted_to: z.record(z.string(), z.array(z.string())),
});

/** Agents: what they tell about themselves. */
export const agentRoutes: readonly AnyRoute[] = [
  route({
    method: 'POST',
    path: '/v1/agents/data/{agent_name}',
    family: 'v1',
    summary: 'An agent tells about itself',
    description: 'The answer sets the cookie by which the agent is known in its later requests.',
    access: { roles: ['agent', 'manager', 'admin'] },
    body: { mode: 'json', schema: agentInput },
    answers: { 200: { description: 'It is stored.', content: z.strictObject({ status: z.literal('OK') }) } },
    async handle(deps, { params, body, secure }) {
      await postAgentData(deps, params.agent_name, body);
      return json({ status: 'OK' }, { 'Set-Cookie': presentAgentCookie(params.agent_name, secure) });
    },
  }),
  route({
    method: 'GET',
    path: '/v1/agents/data/{agent_name}',
    family: 'v1',
    summary: 'What an agent told about itself',
    access: { roles: ['agent', 'contributor', 'manager', 'admin'] },
    answers: {
      200: { description: 'The agent.', content: agentAnswer },
      404: { description: 'No agent has this name.', content: z.strictObject({}) },
    },
    async handle(deps, { params }) {
      const agent = await findAgent(deps, params.agent_name);
      // An empty object, since the stock agent reads fields of it before its first post.
      return agent === undefined ? { ...json({}), status: 404 } : json(agent);
    },
  }),
];
