import type { Logger } from 'pino';
import { BcryptPool } from './auth/bcrypt-pool.js';
import { LoginAttempts } from './auth/login-attempts.js';
import { RememberedPairs } from './auth/remembered-pairs.js';
import { createSecurityLog } from './auth/security-log.js';
import { readSigningKeys } from './auth/signing-keys.js';
import type { Config } from './config.js';
import { openCollections } from './db/collections.js';
import type { Connection } from './db/connect.js';
import { DatabaseClock } from './db/database-clock.js';
import type { Deps } from './deps.js';
import { AgentWatch } from './leases/agent-watch.js';
import { WaitTimes } from './queues/wait-times.js';
import { createSecretsStore } from './secrets/create-secrets-store.js';

/** What a process is made of besides its settings. */
export interface Parts {
  config: Config;
  connection: Connection;
  log: Logger;
  signingKey: string;
}

/** The dependencies of one process, and the end of what runs in them. */
export interface OwnedDeps extends Deps {
  clock: DatabaseClock;
  close(): Promise<void>;
}

/** Puts the dependencies together; nothing is read or sent yet. */
export function createDeps({ config, connection, log, signingKey }: Parts): OwnedDeps {
  const clock = new DatabaseClock(connection.db);
  const collections = openCollections(connection.db);
  const waitTimes = new WaitTimes(collections.queueWaitTimes, log);
  const agentWatch = new AgentWatch(collections, clock, log);
  const bcryptPool = new BcryptPool(config.bcryptCost);
  const { dbName, collectionName } = collections.loginFailures;
  const secretsStore = createSecretsStore(config, connection, log);
  return {
    config,
    connection,
    collections,
    clock,
    log,
    securityLog: createSecurityLog(log),
    signingKeys: readSigningKeys(signingKey, config.jwtPreviousSigningKeys),
    bcryptPool,
    rememberedPairs: new RememberedPairs(),
    loginAttempts: new LoginAttempts(connection.client, dbName, collectionName),
    waitTimes,
    agentWatch,
    secretsStore,
    async close() {
      clock.stop();
      agentWatch.stop();
      await waitTimes.close();
      await bcryptPool.close();
      await secretsStore?.close();
      await connection.client.close();
    },
  };
}
