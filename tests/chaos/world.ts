import { setTimeout as sleep } from 'node:timers/promises';
import bcrypt from 'bcryptjs';
import { MongoClient } from 'mongodb';
import { type Collections, openCollections } from '../../server/areas.js';
import { signAccessToken } from '../../server/auth/access-token.js';
import { readSigningKeys } from '../../server/auth/signing-keys.js';
import { jsonBody } from '../support/clients.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { MongodReplicaSet } from '../support/mongod-replica-set.js';
import { SeededRandom } from '../support/seeded-random.js';
import type { Owner } from '../support/server-process.js';
import { AgentSlot } from './agents.js';
import { type FaultPlan, Faults } from './faults.js';
import type { Claim, Problem, Submission } from './records.js';
import { ServerSlot } from './servers.js';
import { Submitter } from './submitters.js';

const signingKey = 'a signing key for chaos, long enough for HS256';
const clientKey = 'the key of the submitters';

/** The size of a run. */
export interface ChaosOptions {
  seed: number;
  jobs: number;
  agents: number;
  servers: number;
  /** Milliseconds between submits of one of the four submitters, on average. */
  gapMs: number;
  pace: number;
  /** The share of requests whose connection is cut. */
  cuts: number;
  faults: FaultPlan;
  /** Whether the server has leases. Without leases a job whose claim response was lost stays with its holder forever. */
  leases: boolean;
  leaseSeconds: number;
  attempts: number;
  /** Milliseconds after which faults end, even if jobs are left. */
  faultPhaseMs: number;
  /** Milliseconds without progress after which the run no longer waits for agents to drain the queue. */
  drainMs: number;
  report: (line: string) => void;
}

/** Servers on a replica set behind a proxy that cuts connections, with agents, submitters and faults. */
export class ChaosWorld {
  readonly started = performance.now();
  readonly now = (): number => performance.now() - this.started;
  readonly claims: Claim[] = [];
  readonly submissions: Submission[] = [];
  /** Problems that actors found during the run. */
  readonly unexpected: Problem[] = [];
  readonly serverErrors: string[] = [];
  readonly queues = ['q1', 'q2', 'q3'];
  readonly clientId = 'submitters';
  readonly clientKey = clientKey;
  readonly globalTimeout: number;
  readonly pace: number;
  readonly leases: boolean;
  readonly stallMs: number;
  readonly faultsOver: Promise<void>;
  tries = 0;
  stalls = 0;
  resultReads = 0;
  isOver = false;
  isFaultPhaseOver = false;
  refreshToken = '';
  agents: AgentSlot[] = [];
  faults: Faults | undefined;
  #endFaultPhase: () => void = () => undefined;
  #watchers: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly options: ChaosOptions,
    readonly random: SeededRandom,
    readonly set: MongodReplicaSet,
    readonly servers: ServerSlot[],
    readonly proxy: CuttingProxy,
    readonly collections: Collections,
  ) {
    this.globalTimeout = options.leaseSeconds;
    this.pace = options.pace;
    this.leases = options.leases;
    this.stallMs = 2500 * options.leaseSeconds;
    this.faultsOver = new Promise((resolve) => {
      this.#endFaultPhase = resolve;
    });
  }

  static async start(owner: Owner, options: ChaosOptions): Promise<ChaosWorld> {
    const random = new SeededRandom(options.seed);
    const set = await MongodReplicaSet.start(owner);
    const uri = set.uriOf('chaos');
    const client = new MongoClient(uri, { writeConcern: { w: 'majority' } });
    owner.teardown(() => client.close());
    const settings = {
      MONGODB_URI: uri,
      JWT_SIGNING_KEY: signingKey,
      LOG_LEVEL: 'warn',
      AGENT_LEASES: options.leases ? 'on' : 'off',
      AGENT_LEASE_SECONDS: String(options.leaseSeconds),
      JOB_MAX_ATTEMPTS: String(options.attempts),
    };
    const servers = Array.from({ length: options.servers }, () => new ServerSlot(owner, settings));
    await Promise.all(servers.map((server) => server.start()));
    const proxy = await CuttingProxy.start(owner, {
      random: random.fork('proxy'),
      probability: options.cuts,
      listPorts: () => servers.flatMap(({ port }) => port ?? []),
    });
    proxy.cutting = false;
    const collections = openCollections(client.db());
    const world = new ChaosWorld(options, random, set, servers, proxy, collections);
    await world.#addClients();
    return world;
  }

  get url(): string {
    return this.proxy.url;
  }

  /** Makes faults until nearly all jobs are done, then waits without faults until the queue is drained. */
  async run(): Promise<void> {
    const { options, random, proxy } = this;
    const lease = options.leaseSeconds * 1000;
    const names = Array.from({ length: options.agents }, (_, n) => `agent-${n}`);
    this.agents = names.map((name, n) => {
      const queues = this.queues.filter((_, q) => q !== n % (this.queues.length + 1));
      return new AgentSlot(this, name, queues, random.fork(name), [200, 2.5 * lease]);
    });
    const running = Promise.all(this.agents.map((agent) => agent.run()));
    const { set, servers, agents, faultsOver, now } = this;
    const targets = { set, servers, agents, faultsOver, now, stopMs: [1.2 * lease, 3 * lease] as const };
    proxy.cutting = true;
    this.faults = new Faults(targets, options.faults, random.fork('faults'));
    await Promise.race([this.#runFaultPhase(), sleep(options.faultPhaseMs, undefined, { ref: false })]);
    options.report(`faults end after ${Math.round(this.now() / 1000)} s`);
    proxy.cutting = false;
    this.isFaultPhaseOver = true;
    this.#endFaultPhase();
    await this.faults.end();
    await this.#drain();
    this.isOver = true;
    const late = sleep(30_000, 'late', { ref: false });
    if ((await Promise.race([running, late])) === 'late')
      this.unexpected.push({ jobId: undefined, text: 'the agents did not end within 30 seconds' });
  }

  /** The last lines of the servers' logs, for the report. */
  listServerLogs(): string[] {
    return this.servers.flatMap(({ log }) => log.trim().split('\n'));
  }

  async #runFaultPhase(): Promise<void> {
    const { jobs, gapMs } = this.options;
    const submitters = Array.from({ length: 4 }, (_, n) => `submitter-${n}`);
    const shares = submitters.map((_, n) => Math.floor((jobs + n) / submitters.length));
    const actors = submitters.map((name) => new Submitter(this, name, this.random.fork(name)));
    const submitting = actors.map((actor, n) => actor.run(shares[n] as number, gapMs));
    this.#watchers = Promise.all(
      actors.map(async (actor, n) => {
        await submitting[n];
        await actor.watch();
      }),
    );
    await Promise.all(submitting);
    const few = Math.ceil(jobs / 20);
    while ((await this.countOpen().catch(() => jobs)) > few) await sleep(500);
  }

  /** Resolves when all jobs are done, or after `drainMs` without progress. */
  async #drain(): Promise<void> {
    const { drainMs, leases } = this.options;
    await Promise.race([this.#watchers, sleep(drainMs, undefined, { ref: false })]);
    let fewest = Number.POSITIVE_INFINITY;
    for (let until = performance.now() + drainMs; performance.now() < until; await sleep(300)) {
      const held = this.agents.filter((agent) => agent.isHolding).length;
      // Without leases, a job whose claim response was lost stays claimed.
      const left = held + (leases ? await this.countOpen() : await this.#countWaiting());
      if (left === 0) return;
      if (left < fewest) until = performance.now() + drainMs;
      fewest = Math.min(fewest, left);
    }
  }

  /** Counts the jobs that have not ended, except those whose attachments never arrived. */
  countOpen(): Promise<number> {
    return this.collections.jobs.countDocuments({
      'result_data.job_state': { $nin: ['complete', 'cancelled'] },
      'job_data.attachments_status': { $ne: 'waiting' },
    });
  }

  #countWaiting(): Promise<number> {
    return this.collections.jobs.countDocuments({
      'result_data.job_state': 'waiting',
      'job_data.attachments_status': { $ne: 'waiting' },
    });
  }

  async #addClients(): Promise<void> {
    const client_secret_hash = await bcrypt.hash(clientKey, 4);
    await this.collections.clients.insertMany([
      { client_id: this.clientId, role: 'contributor', max_priority: { '*': 10 }, client_secret_hash },
      { client_id: 'agents', role: 'agent' },
    ]);
    const answer = await fetch(
      `${this.url}/v1/client-permissions/agents/agent-token`,
      jsonBody({}, makeHeaders('admin')),
    );
    const body = (await answer.json()) as { refresh_token: string };
    if (answer.status !== 200) throw new Error(`agent-token: ${answer.status} ${JSON.stringify(body)}`);
    this.refreshToken = body.refresh_token;
  }
}

/** The headers of a client with the role. */
export function makeHeaders(role: string): Record<string, string> {
  const signer = { signingKeys: readSigningKeys(signingKey), clock: { now: () => new Date() } };
  return { authorization: `Bearer ${signAccessToken(signer, { client_id: role, role })}` };
}
