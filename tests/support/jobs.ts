import { bearer, jsonBody } from './clients.js';
import type { TestServer } from './start-server.js';

/** Returns the headers of an agent: a token of that role, and the cookie with the agent's name. */
export function agentHeaders(server: TestServer, name = 'agent-1'): Record<string, string> {
  return {
    ...bearer(server, { client_id: `client of ${name}`, role: 'agent' }),
    cookie: `agent_name=${name}`,
  };
}

/** Submits a job, to `q1` unless `job` names another queue, and returns its id. */
export async function submit(
  server: TestServer,
  job: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<string> {
  const response = await server.request('/v1/job', jsonBody({ job_queue: 'q1', ...job }, headers));
  if (response.status !== 200) throw new Error(`submit: ${response.status} ${await response.text()}`);
  return ((await response.json()) as { job_id: string }).job_id;
}

/** Claims a job. Returns `undefined` when no job waits. */
export async function claim(
  server: TestServer,
  queues: readonly string[] = ['q1'],
  agent = 'agent-1',
): Promise<Record<string, unknown> | undefined> {
  const query = queues.map((queue) => `queue=${encodeURIComponent(queue)}`).join('&');
  const response = await server.request(`/v1/job?${query}`, { headers: agentHeaders(server, agent) });
  if (response.status === 204) return undefined;
  if (response.status !== 200) throw new Error(`claim: ${response.status} ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
}
