import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ExecutionContext } from 'ava';
import { MongoClient } from 'mongodb';
import { request } from 'undici';
import { type Collections, openCollections } from '../../server/areas.js';
import { signAccessToken } from '../../server/auth/access-token.js';
import { readSigningKeys } from '../../server/auth/signing-keys.js';
import { type EmbeddedMongod, embeddedMongodUri } from '../../server/mongod/embedded-mongod.js';
import { jsonBody } from './clients.js';
import { findPids, makeFolder, startOwnMongod, waitUntil } from './own-mongod.js';
import { makeFragment } from './results.js';
import { type ServerProcess, startServerProcess } from './server-process.js';
import { digest, multipart } from './uploads.js';

/** The signing key of servers in fault tests. */
export const faultsSigningKey = 'a signing key for faults, long enough for HS256';

/** Returns headers with a token of the given role, and the cookie that names the agent. */
export function headersOf(role: string, clientId = role): Record<string, string> {
  const signer = { signingKeys: readSigningKeys(faultsSigningKey), clock: { now: () => new Date() } };
  const token = signAccessToken(signer, { client_id: clientId, role });
  return { authorization: `Bearer ${token}`, cookie: `agent_name=${clientId}` };
}

/** A server and a MongoDB that a test can make fail, and the requests of clients to that server. */
export class World {
  readonly uri: string;
  readonly collections: Collections;
  /**
   * Responses that are neither a success nor 503, and requests that got no response although the server was running.
   */
  readonly wrong: string[] = [];
  /** The number of requests that ended without a response. */
  cuts = 0;
  /** Whether the server is being killed. */
  #mayCut = false;
  #mongod: EmbeddedMongod | undefined;
  #server: ServerProcess | undefined;
  readonly #mongoDir = join(makeFolder(), 'mongo');

  constructor(readonly t: ExecutionContext) {
    this.uri = embeddedMongodUri(this.#mongoDir).replace('/?', '/faults?');
    const client = new MongoClient(this.uri);
    t.teardown(() => client.close());
    this.collections = openCollections(client.db());
  }

  static async start(t: ExecutionContext): Promise<World> {
    t.timeout(280_000);
    const world = new World(t);
    await world.startMongo();
    await world.startServer();
    return world;
  }

  get server(): ServerProcess {
    return this.#server as ServerProcess;
  }

  async startServer(): Promise<void> {
    const settings = { MONGODB_URI: this.uri, JWT_SIGNING_KEY: faultsSigningKey };
    this.#server = await startServerProcess(this.t, { settings });
  }

  /** Kills the server with SIGKILL and starts a new one on the same database. */
  async replaceServer(): Promise<void> {
    this.#mayCut = true;
    this.server.kill('SIGKILL');
    this.t.is((await this.server.exited).signal, 'SIGKILL');
    await this.startServer();
    this.#mayCut = false;
  }

  async startMongo(): Promise<void> {
    this.#mongod = await startOwnMongod(this.t, this.#mongoDir, process.env, 20_000);
  }

  async stopMongo(): Promise<void> {
    await this.#mongod?.stop();
  }

  /** Kills mongod with SIGKILL. It is restarted automatically. */
  async killMongo(): Promise<void> {
    const pids = await findPids(this.#mongoDir, 'mongod');
    this.t.true(pids.length > 0);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
  }

  untilReady(): Promise<void> {
    return waitUntil(async () => (await this.server.request('/readyz')).status === 200);
  }

  /** Sends one request. Returns `undefined` when the connection was cut. */
  async request(path: string, init?: RequestInit): Promise<{ status: number; text: string } | undefined> {
    const { server } = this;
    try {
      const answer = await server.request(path, init);
      const text = await answer.text();
      if (![200, 204, 503].includes(answer.status)) this.wrong.push(`${path}: ${answer.status} ${text}`);
      return { status: answer.status, text };
    } catch (error) {
      this.cuts += 1;
      if (!this.#mayCut && server === this.server) this.wrong.push(`${path}: ${error as Error}`);
      return undefined;
    }
  }

  /** Repeats a request until it succeeds, as stock clients do, and returns the response body. */
  async requestUntilOk(path: string, init?: RequestInit): Promise<string> {
    let text: string | undefined;
    await waitUntil(async () => {
      const answer = await this.request(path, init);
      if (answer?.status === 200) text = answer.text;
      return text !== undefined;
    });
    return text as string;
  }

  async submit(job: Record<string, unknown> = {}): Promise<string> {
    const text = await this.requestUntilOk('/v1/job', jsonBody({ job_queue: 'q1', ...job }));
    return (JSON.parse(text) as { job_id: string }).job_id;
  }

  /** Claims a job and returns its id, or `undefined` when no job waits or the request failed. */
  async claim(agent: string, queue = 'q1'): Promise<string | undefined> {
    const answer = await this.request(`/v1/job?queue=${queue}`, { headers: headersOf('agent', agent) });
    return answer?.status === 200 ? (JSON.parse(answer.text) as { job_id: string }).job_id : undefined;
  }

  /** Returns the digest of a job's file as the server sends it, or `undefined` for 204. */
  async readFile(path: string): Promise<string | undefined> {
    const role = path.endsWith('attachments') ? 'agent' : 'contributor';
    // fetch would decompress an artifact.
    const answer = await request(this.server.url + path, { headers: headersOf(role) });
    const bytes = await answer.body.bytes();
    if (answer.statusCode === 204) return undefined;
    this.t.is(answer.statusCode, 200);
    return digest(bytes);
  }

  /** Sends the first half of an upload and waits until it is stored. `finish` sends the rest. */
  async beginUpload(path: string, bytes: Buffer): Promise<{ finish: () => void; status: Promise<number> }> {
    let finish = (): void => undefined;
    const gate = new Promise<void>((done) => (finish = done));
    const half = bytes.length / 2;
    async function* parts(): AsyncGenerator<Buffer> {
      yield Buffer.from(multipart.head);
      yield bytes.subarray(0, half);
      await gate;
      yield bytes.subarray(half);
      yield Buffer.from(multipart.tail);
    }
    const length = multipart.head.length + bytes.length + multipart.tail.length;
    const headers = { ...uploader(path), 'content-type': multipart.type, 'content-length': String(length) };
    const before = await this.collections.fileChunks.countDocuments();
    const body = Readable.from(parts(), { objectMode: false });
    const sent = request(this.server.url + path, { method: 'POST', headers, body });
    const status = sent.then(async (answer) => {
      await answer.body.dump();
      return answer.statusCode;
    });
    status.catch(() => undefined);
    await waitUntil(async () => (await this.collections.fileChunks.countDocuments()) > before);
    return { finish, status };
  }

  countFiles(jobId: string, kind: string): Promise<number> {
    return this.collections.files.countDocuments({ filename: `${jobId}.${kind}` });
  }

  /**
   * Checks that every job is stored, either waiting or held by one agent, and that each acknowledged claim is stored
   * and unique.
   */
  async checkClaims(jobs: readonly string[], claims: readonly (readonly [string, string])[]): Promise<void> {
    const { t } = this;
    const stored = await this.collections.jobs.find({ 'job_data.job_queue': 'q1' }).toArray();
    t.deepEqual(new Set(stored.map(({ job_id }) => job_id)).size, stored.length);
    const byId = new Map(stored.map((job) => [job.job_id, job]));
    t.deepEqual(
      jobs.filter((jobId) => !byId.has(jobId)),
      [],
      'no job is lost',
    );
    for (const { result_data: result, lease, started_at: startedAt } of stored) {
      if (result.job_state === 'waiting') t.is(lease?.holder, undefined);
      else {
        t.is(result.job_state, 'running');
        t.regex(lease?.holder ?? '', /^agent-\d$/);
        // A job claimed while the database shut down is released, since its agent got no response, and is then
        // claimed again.
        t.true([1, 2].includes(lease?.attempt ?? 0), String(lease?.attempt));
        t.true(startedAt instanceof Date);
      }
    }
    t.is(new Set(claims.map(([jobId]) => jobId)).size, claims.length, 'no job was claimed twice');
    for (const [jobId, agent] of claims) t.is(byId.get(jobId)?.lease?.holder, agent);
  }
}

/** Returns the headers of the client that uploads to the given path. */
export function uploader(path: string): Record<string, string> {
  return headersOf(path.endsWith('attachments') ? 'contributor' : 'agent');
}

/** Fields of a job that waits for attachments. */
export const withAttachments = { test_data: { attachments: [{ agent: 'a' }] } };

/** An agent that posts a log in order and repeats each fragment until it is acknowledged. */
export class Poster {
  readonly acknowledged: string[] = [];
  ended = false;

  constructor(
    readonly world: World,
    readonly jobId: string,
    readonly logType: 'output' | 'serial',
  ) {}

  makeText = (n: number): string => `fragment ${n} of ${this.logType} of ${this.jobId}\n`;

  send(n: number): Promise<string> {
    const body = makeFragment({ fragment_number: n, log_data: this.makeText(n) });
    return this.world.requestUntilOk(
      `/v1/result/${this.jobId}/log/${this.logType}`,
      jsonBody(body, headersOf('agent')),
    );
  }

  async post(count: number): Promise<void> {
    for (let left = count; left > 0 && !this.ended; left -= 1) {
      const n = this.acknowledged.length;
      await this.send(n);
      this.acknowledged.push(this.makeText(n));
    }
  }

  async read(): Promise<{ last_fragment_number: number; log_data: string }> {
    const text = await this.world.requestUntilOk(`/v1/result/${this.jobId}/log/${this.logType}?phase=test`);
    type Log = Record<string, { test: { last_fragment_number: number; log_data: string } }>;
    return (JSON.parse(text) as Log)[this.logType]?.test ?? { last_fragment_number: -2, log_data: '' };
  }

  /** Checks, while nothing is posted, that the log holds exactly the acknowledged fragments, once and in order. */
  async check(): Promise<void> {
    const expected = {
      last_fragment_number: this.acknowledged.length - 1,
      log_data: this.acknowledged.join(''),
    };
    this.world.t.deepEqual(await this.read(), expected);
  }

  /** Checks, while the agent posts, that the log begins with the fragments acknowledged so far. */
  async checkStart(): Promise<void> {
    const expected = this.acknowledged.join('');
    this.world.t.is((await this.read()).log_data.slice(0, expected.length), expected);
  }

  async resendAll(): Promise<void> {
    await Promise.all(this.acknowledged.map((_, n) => this.send(n)));
    await this.check();
  }
}

/** Makes two posters for each of the given number of jobs, one for each log type. */
export async function makePosters(world: World, jobs: number): Promise<Poster[]> {
  const ids = await Promise.all(Array.from({ length: jobs }, () => world.submit({ job_queue: 'logs' })));
  return ids.flatMap((id) => [new Poster(world, id, 'output'), new Poster(world, id, 'serial')]);
}

/** Runs a task for all items of a list concurrently. */
export const each = async <T>(list: readonly T[], task: (item: T) => Promise<unknown>): Promise<void> =>
  void (await Promise.all(list.map(task)));
