import type { ExecutionContext } from 'ava';
import { signAccessToken } from '../../server/auth/access-token.js';
import { readSigningKeys } from '../../server/auth/signing-keys.js';
import { jsonBody } from './clients.js';
import type { ServerProcess } from './server-process.js';

/** The signing key of the servers that these people use. */
export const signingKey = 'a signing key for drills, long enough for HS256';

/** Returns headers with an access token and, for an agent, the cookie with its name. */
export function passOf(clientId: string, role: string): Record<string, string> {
  const signer = { signingKeys: readSigningKeys(signingKey), clock: { now: () => new Date() } };
  const authorization = `Bearer ${signAccessToken(signer, { client_id: clientId, role })}`;
  return { authorization, ...(role === 'agent' && { cookie: `agent_name=${clientId}` }) };
}

/** Makes a login request with client id and key in HTTP Basic. */
export function loginWith(clientId: string, key: string): RequestInit {
  const authorization = `Basic ${Buffer.from(`${clientId}:${key}`).toString('base64')}`;
  return { method: 'POST', headers: { authorization } };
}

/** A client `ci` and agents, who send requests to `server`. A test can replace the server. */
export class People {
  constructor(
    readonly t: ExecutionContext,
    public server: ServerProcess,
  ) {}

  async must(path: string, init?: RequestInit, status = 200): Promise<string> {
    const answer = await this.server.request(path, init);
    const text = await answer.text();
    this.t.is(answer.status, status, `${path}: ${text}`);
    return text;
  }

  /** Submits a job as `ci` and returns its id. */
  async submit(job: object = {}): Promise<string> {
    const init = jsonBody({ job_queue: 'q1', ...job }, passOf('ci', 'contributor'));
    return (JSON.parse(await this.must('/v1/job', init)) as { job_id: string }).job_id;
  }

  async claim(agent: string, queue = 'q1'): Promise<{ job_id: string; test_data?: unknown }> {
    const text = await this.must(`/v1/job?queue=${queue}`, { headers: passOf(agent, 'agent') });
    return JSON.parse(text) as { job_id: string; test_data?: unknown };
  }

  /** Posts a result as an agent, or a body to another path under the job's result. */
  postResult(agent: string, jobId: string, body: object, rest = ''): Promise<Response> {
    return this.server.request(`/v1/result/${jobId}${rest}`, jsonBody(body, passOf(agent, 'agent')));
  }

  async stateOf(jobId: string): Promise<unknown> {
    return (JSON.parse(await this.must(`/v1/result/${jobId}`)) as { job_state: unknown }).job_state;
  }
}
