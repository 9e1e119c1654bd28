import { randomBytes, randomUUID } from 'node:crypto';
import { hash } from 'bcryptjs';
import jwt from 'jsonwebtoken';
import { type Db, MongoClient } from 'mongodb';
import { digestSecret, makeServerKey } from '../../server/auth/client-key-format.js';
import { readSigningKeys } from '../../server/auth/signing-keys.js';
import { tokenKinds } from '../../server/auth/token-kinds.js';
import { startBenchMongod } from './bench-mongod.js';
import { startTarget, type Target } from './processes.js';

/** The servers' signing key, from which the key of job masks is derived. */
export const signingKey = 'a signing key for benchmarks, long enough for HS256';

/** Everything that scenarios use: the servers under load, the database, and credentials. */
export interface Setting {
  server: Target;
  /** A second server on the same database. */
  secondServer: Target;
  /** A server with `WORKERS=2`. */
  twoWorkers: Target;
  /** The environment of the servers, to start another one. */
  environment: Record<string, string>;
  /** Starts another server process, whose caches are empty. */
  startFresh(): Promise<Target>;
  bareKoa: Target;
  /** A server without batching: each small read and write is one command. */
  unbatched: Target;
  /** The data directory of MongoDB. */
  dataDir: string;
  db: Db;
  /** A server-made key of the client `made-0`. */
  madeKey: string;
  /** The secret of the clients `bcrypt-0`, `bcrypt-1` and so on, whose hashes have cost 10. */
  secret: string;
  freshClients: number;
  submitter: Record<string, string>;
  agent: Record<string, string>;
  end(): Promise<void>;
}

/**
 * Starts mongod, the servers and the baseline, each in its own process, and stores clients.
 * @param freshClients number of clients with the secret. Each has its own salt, so a new server has cached none of them.
 */
export async function createSetting(freshClients = 4): Promise<Setting> {
  const mongod = await startBenchMongod((error) => {
    throw error;
  });
  const client = new MongoClient(mongod.uri, {
    maxPoolSize: 100,
    writeConcern: { w: 'majority', journal: true },
  });
  const db = client.db('bench');
  const secret = randomBytes(24).toString('base64url');
  const madeKey = await storeClients(db, secret, freshClients);
  const environment = {
    MONGODB_URI: mongod.uri,
    MONGODB_DATABASE: 'bench',
    JWT_SIGNING_KEY: signingKey,
    PORT: '0',
    METRICS_PORT: '0',
  };
  const startFresh = () => startTarget(['dist/main.js'], environment);
  const server = await startFresh();
  const [secondServer, twoWorkers, bareKoa, unbatched] = await Promise.all([
    startFresh(),
    startTarget(['dist/main.js'], { ...environment, WORKERS: '2' }),
    startTarget(['--import=tsx', 'tests/bench/bare-koa.ts'], environment),
    startTarget(['--import=tsx', 'tests/bench/unbatched-server.ts'], environment),
  ]);
  const bearer = (role: string) => ({ authorization: `Bearer ${signLongToken(role)}` });
  return {
    server,
    secondServer,
    twoWorkers,
    environment,
    startFresh,
    bareKoa,
    unbatched,
    dataDir: mongod.dataDir,
    db,
    madeKey,
    secret,
    freshClients,
    submitter: { ...bearer('contributor'), 'content-type': 'application/json' },
    agent: { ...bearer('agent'), cookie: 'agent_name=bench' },
    async end() {
      for (const target of [server, secondServer, twoWorkers]) target.stop();
      bareKoa.stop();
      unbatched.stop();
      await client.close();
      await mongod.stop();
    },
  };
}

/** An access token of a role, for any queue and priority, that stays valid for longer than any benchmark takes. */
export function signLongToken(role: string): string {
  const { key, kid } = readSigningKeys(signingKey).current;
  const permissions = { client_id: role, role, max_priority: { '*': 100 } };
  return jwt.sign({ sub: tokenKinds.access.subject, permissions }, key, {
    algorithm: 'HS256',
    keyid: kid,
    expiresIn: '1d',
  });
}

async function storeClients(db: Db, secret: string, count: number): Promise<string> {
  const made = makeServerKey();
  const hashes = await Promise.all(Array.from({ length: count }, () => hash(secret, 10)));
  const permissions = { role: 'contributor', max_priority: { '*': 1, q1: 50 }, allowed_queues: [] };
  const clients = hashes.map((hashed, n) => ({
    client_id: `bcrypt-${n}`,
    client_secret_hash: hashed,
    ...permissions,
  }));
  await db
    .collection('client_permissions')
    .insertMany([...clients, { client_id: 'made-0', ...permissions }] as object[]);
  await db.collection('client_keys').insertOne({
    key_id: made.keyId,
    client_id: 'made-0',
    secret_sha256: digestSecret(made.secret),
    created_at: new Date(),
  });
  return made.text;
}

/** A waiting job as the server stores it. */
export function makeStoredJob(queue: string): Record<string, unknown> {
  return {
    job_id: randomUUID(),
    live: true,
    created_at: new Date(),
    job_priority: Math.floor(Math.random() * 10),
    job_data: {
      job_queue: queue,
      provision_data: { url: 'http://images.example/1' },
      test_data: { test_cmds: 'true' },
    },
    result_data: { job_state: 'waiting' },
  };
}
