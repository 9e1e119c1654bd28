import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { send, startTarget, type Target } from './processes.js';
import { json } from './scenario.js';
import { signingKey, signLongToken } from './setting.js';

/** One of the builds that are compared: its server, on a database that no other server uses, and its clients. */
export interface Build {
  server: Target;
  /** Headers of requests that submit jobs, to any queue and with any priority. */
  submitter: Record<string, string>;
  /** Headers of an agent's requests, without the cookie that names the agent. */
  agent: Record<string, string>;
  /** A contributor, with both kinds of credentials. */
  client: { id: string; secret: string; serverMadeKey: string };
  /** Lets agents get access tokens. */
  agentRefreshToken: string;
}

/** What a build is started with. */
export interface BuildInput {
  /** The root of the checkout, which holds `dist/main.js`. */
  folder: string;
  mongodbUri: string;
  /** The name of the build's own database. */
  database: string;
  /** Kills the server when it is aborted. */
  signal: AbortSignal;
}

/** The file of a checkout that starts its server. */
export const entryOf = (folder: string): string => join(folder, 'dist/main.js');

/**
 * Starts the server of a build, which makes its own indexes, and makes its clients. All data are made through the v1 API
 * and never written into the database, since the build may be older or newer than this tree.
 */
export async function startBuild({ folder, mongodbUri, database, signal }: BuildInput): Promise<Build> {
  const environment = {
    MONGODB_URI: mongodbUri,
    MONGODB_DATABASE: database,
    JWT_SIGNING_KEY: signingKey,
    PORT: '0',
    METRICS_PORT: '0',
  };
  const server = await startTarget([entryOf(folder)], environment, signal);
  const bearer = (role: string) => ({ authorization: `Bearer ${signLongToken(role)}` });
  return {
    server,
    submitter: { ...bearer('contributor'), ...json },
    agent: bearer('agent'),
    ...(await makeClients(server, { ...bearer('admin'), ...json })),
  };
}

/** Makes a contributor and a client for agents. */
export async function makeClients(
  server: Target,
  admin: Record<string, string>,
): Promise<Pick<Build, 'client' | 'agentRefreshToken'>> {
  const secret = randomBytes(24).toString('base64url');
  const put = (id: string, fields: object) =>
    send(
      server,
      'PUT',
      `/v1/client-permissions/${id}`,
      admin,
      JSON.stringify({ client_secret: secret, ...fields }),
    );
  // The database outlives the server, and a client has at most 10 keys.
  const id = `lab-ci-${randomUUID()}`;
  await put(id, { role: 'contributor', max_priority: { '*': 100 } });
  await put('lab-agents', { role: 'agent' });
  const made = await send(server, 'POST', `/v1/client-permissions/${id}/keys`, admin, '{}');
  const { client_key: serverMadeKey } = JSON.parse(made.text) as { client_key: string };
  const authorization = `Basic ${Buffer.from(`lab-agents:${secret}`).toString('base64')}`;
  const granted = await send(server, 'POST', '/v1/oauth2/token', { authorization });
  const { refresh_token: agentRefreshToken } = JSON.parse(granted.text) as { refresh_token: string };
  return { client: { id, secret, serverMadeKey }, agentRefreshToken };
}

/** Submits a job; its id. */
export async function submitJob(build: Build, queue: string, priority = 0): Promise<string> {
  const job = {
    job_queue: queue,
    job_priority: priority,
    provision_data: { url: 'http://images.example/1' },
    test_data: { test_cmds: 'true' },
  };
  const { text } = await send(build.server, 'POST', '/v1/job', build.submitter, JSON.stringify(job));
  return (JSON.parse(text) as { job_id: string }).job_id;
}

/** Claims a job of a queue as the agent of that name. @throws Error if no job waits. */
export async function claimJob(build: Build, queue: string, agentName: string): Promise<void> {
  const { status } = await send(
    build.server,
    'GET',
    `/v1/job?queue=${queue}`,
    agentHeaders(build, agentName),
  );
  if (status !== 200) throw new Error(`no job waits in the queue ${queue}`);
}

/** Headers of requests of the agent of that name. */
export function agentHeaders({ agent }: Build, name: string): Record<string, string> {
  return { ...agent, cookie: `agent_name=${name}` };
}
