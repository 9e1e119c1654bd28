import { randomInt } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { findMongod } from '../../server/mongod/find-mongod.js';
import { type MongodProcess, startMongodProcess } from '../../server/mongod/mongod-process.js';
import { REPLICA_SET } from '../../server/mongod/replica-set.js';
import { findPids, makeFolder, waitUntil, withClient } from './own-mongod.js';
import type { Owner } from './server-process.js';

/** Milliseconds without a heartbeat of the primary after which the other members elect a new one. */
const electionTimeoutMs = 2000;

interface Node {
  dataDir: string;
  port: number;
  process: MongodProcess | undefined;
}

/** The fields of a member's `hello` response that this file reads. */
interface Hello {
  isWritablePrimary: boolean;
  secondary: boolean;
}

/**
 * A replica set of real mongods with their data in a temporary directory, whose members can be killed one by one. The
 * members listen on TCP ports: drivers convert member names to lower case, which would break socket paths.
 */
export class MongodReplicaSet {
  readonly #folder = makeFolder();
  readonly #nodes: Node[];

  private constructor(
    readonly binary: string,
    ports: readonly number[],
    readonly settings: readonly string[],
  ) {
    this.#nodes = ports.map((port, n) => {
      const dataDir = join(this.#folder, `node-${n}`);
      mkdirSync(join(dataDir, 'db'), { recursive: true, mode: 0o700 });
      return { dataDir, port, process: undefined };
    });
  }

  /**
   * Starts the members and resolves once there is a primary. All members are stopped at the end of the test.
   * @param settings additional arguments of each mongod
   */
  static async start(t: Owner, size = 3, settings: readonly string[] = []): Promise<MongodReplicaSet> {
    const places = { dataDir: makeFolder(), environment: process.env, report: () => undefined };
    const { binary } = await findMongod(places);
    const set = new MongodReplicaSet(binary, await findPorts(size), settings);
    t.teardown(() => set.stop());
    await Promise.all(set.#nodes.map((_, n) => set.restart(n)));
    await set.#initiate();
    await set.untilHealthy();
    return set;
  }

  get size(): number {
    return this.#nodes.length;
  }

  /** A connection string that names all members, for clients that follow the primary. */
  get uri(): string {
    return this.uriOf('');
  }

  /**
   * Returns the connection string with a database. `user` has the form `user:password` and authenticates against
   * `admin`.
   */
  uriOf(database: string, user?: string): string {
    const hosts = this.#nodes.map(({ port }) => `127.0.0.1:${port}`).join(',');
    const [before, after] = user === undefined ? ['', ''] : [`${user}@`, '&authSource=admin'];
    return `mongodb://${before}${hosts}/${database}?replicaSet=${REPLICA_SET}${after}`;
  }

  /** Kills one member with SIGKILL. Resolves when its process has ended. */
  async kill(n: number): Promise<void> {
    const node = this.#get(n);
    for (const pid of await findPids(node.dataDir, 'mongod')) process.kill(pid, 'SIGKILL');
    await node.process?.ended;
    node.process = undefined;
  }

  /** Kills the primary with SIGKILL and returns its member number. */
  async killPrimary(): Promise<number> {
    const n = await this.findPrimary();
    await this.kill(n);
    return n;
  }

  /** Starts a member again on its data. Resolves when it listens, which can be before it has caught up. */
  async restart(n: number): Promise<void> {
    const node = this.#get(n);
    const { dataDir, port } = node;
    const command = [this.binary, ...listArguments(join(dataDir, 'db'), port), ...this.settings];
    const started = startMongodProcess(command, join(dataDir, 'mongod.lock'), join(dataDir, 'mongod.log'));
    node.process = started;
    let exit: unknown;
    void started.ended.then((outcome) => (exit = outcome));
    await waitUntil(() => {
      if (exit !== undefined) throw new Error(`mongod of ${dataDir} ended: ${JSON.stringify(exit)}`);
      return listens(port);
    });
  }

  /** Makes the primary step down and returns its member number. */
  async stepDown(): Promise<number> {
    let n = -1;
    // MongoDB refuses the command while no other member has caught up.
    await waitUntil(async () => {
      n = await this.findPrimary();
      const asked = this.#command(n, { replSetStepDown: 10, secondaryCatchUpPeriodSecs: 5 });
      return asked.then(
        () => true,
        () => false,
      );
    });
    return n;
  }

  /** Waits for a primary and returns its member number. */
  async findPrimary(): Promise<number> {
    let found = -1;
    await waitUntil(async () => {
      const replies = await this.#hello();
      found = replies.findIndex((hello) => hello?.isWritablePrimary === true);
      return found >= 0;
    });
    return found;
  }

  /** Resolves when one member is the primary and all others follow it. */
  async untilHealthy(): Promise<void> {
    await waitUntil(async () => {
      const replies = await this.#hello();
      const primaries = replies.filter((hello) => hello?.isWritablePrimary === true).length;
      const secondaries = replies.filter((hello) => hello?.secondary === true).length;
      return primaries === 1 && secondaries === this.size - 1;
    });
  }

  /** Ends all members and removes their data. */
  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map(async (node) => void (await node.process?.stop())));
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #get(n: number): Node {
    const node = this.#nodes[n];
    if (node === undefined) throw new Error(`there is no member ${n}`);
    return node;
  }

  async #initiate(): Promise<void> {
    const members = this.#nodes.map(({ port }, n) => ({ _id: n, host: `127.0.0.1:${port}` }));
    const settings = { electionTimeoutMillis: electionTimeoutMs };
    await this.#command(0, { replSetInitiate: { _id: REPLICA_SET, members, settings } });
  }

  /** Returns the `hello` response of each member, `undefined` for members that do not respond. */
  #hello(): Promise<(Hello | undefined)[]> {
    const ask = async ({ process: running }: Node, n: number): Promise<Hello | undefined> => {
      if (running === undefined) return undefined;
      return this.#command(n, { hello: 1 }).then(
        (reply) => reply as Hello,
        () => undefined,
      );
    };
    return Promise.all(this.#nodes.map(ask));
  }

  /** Sends a command to one member, whether it is the primary or not. */
  #command(n: number, command: Record<string, unknown>): Promise<unknown> {
    const uri = `mongodb://127.0.0.1:${this.#get(n).port}/?directConnection=true&serverSelectionTimeoutMS=5000&socketTimeoutMS=20000`;
    return withClient(uri, (client) => client.db('admin').command(command));
  }
}

function listArguments(
  dbPath: string,
  port: number,
  inSet: readonly string[] = ['--replSet', REPLICA_SET, '--oplogSize', '128'],
): string[] {
  return [
    ...['--dbpath', dbPath, ...inSet],
    ...['--bind_ip', '127.0.0.1', '--port', String(port), '--nounixsocket'],
    ...['--quiet', '--wiredTigerCacheSizeGB', '0.25'],
    ...['--setParameter', 'diagnosticDataCollectionEnabled=false'],
    // Like the embedded MongoDB: a shutdown does not wait for other members.
    ...['--setParameter', 'shutdownTimeoutMillisForSignaledShutdown=100'],
  ];
}

/** Starts a mongod without a replica set until the end of the test. Returns its URI without a database. */
export async function startLoneMongod(t: Owner): Promise<string> {
  const dataDir = makeFolder();
  const [port = 0] = await findPorts(1);
  const { binary } = await findMongod({ dataDir, environment: process.env, report: () => undefined });
  const dbPath = join(dataDir, 'db');
  mkdirSync(dbPath, { mode: 0o700 });
  const command = [binary, ...listArguments(dbPath, port, [])];
  const mongod = startMongodProcess(command, join(dataDir, 'lock'), join(dataDir, 'mongod.log'));
  t.teardown(async () => {
    await mongod.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  await waitUntil(() => listens(port));
  return `mongodb://127.0.0.1:${port}/`;
}

/** Finds free ports below the kernel's ephemeral range, so that no other process gets one while its member is down. */
async function findPorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = randomInt(20_000, 32_000);
    if (await isFree(port)) found.add(port);
  }
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1').once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
