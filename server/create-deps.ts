import type { Logger } from 'pino';
import { BcryptPool } from './auth/bcrypt-pool.js';
import { LoginAttempts } from './auth/login-attempts.js';
import { RememberedPairs } from './auth/remembered-pairs.js';
import { createSecurityLog } from './core/audit.js';
import { readSigningKeys } from './auth/signing-keys.js';
import { createVerifiedTokens } from './auth/verify-access-token.js';
import type { Config } from './config/config.js';
import { createBatches } from './create-batches.js';
import { Batcher } from './db/batcher.js';
import { openCollections } from './db/collections.js';
import type { Connection } from './db/connect.js';
import { type Clock, DatabaseClock } from './db/database-clock.js';
import type { Deps } from './deps.js';
import { claimTogether } from './claims/claim-together.js';
import type { Claimer } from './claims/claim-one.js';
import { ClaimsUnderWay } from './claims/contention.js';
import { createClaimableFeed } from './claims/claimable-feed.js';
import { JobWaiters } from './claims/job-waiters.js';
import { AgentWatch } from './leases/agent-watch.js';
import { countTokenOutcomes } from './auth/count-token-outcomes.js';
import { createMetrics } from './core/metric-registry.js';
import { measureWaiting } from './metrics/measure-waiting.js';
import { watchMongodb } from './db/watch-mongodb.js';
import { WaitTimes } from './claims/wait-times.js';
import { createNewsOfJobs } from './results/wait-for-news.js';
import { createMaskSealer } from './scrubbing/create-mask-sealer.js';
import { HeldTails } from './logs/held-tails.js';
import { JobMasks } from './scrubbing/job-masks.js';
import { createSecretsStore } from './secrets/create-secrets-store.js';

/** What a process is made of besides its settings. */
export interface Parts {
  config: Config;
  connection: Connection;
  log: Logger;
  signingKey: string;
  /** Instead of the process's own, corrected by the database's. */
  clock?: Clock;
  /** Small reads and writes go each by itself, for the benchmarks. */
  withoutBatches?: boolean;
}

/** The dependencies of one process, and the end of what runs in them. */
export interface OwnedDeps extends Deps {
  databaseClock: DatabaseClock;
  /** Lets all requests that wait be answered: the process ends. */
  endWaits(): void;
  close(): Promise<void>;
}

/** Puts the dependencies together; nothing is read or sent yet. */
export function createDeps({ config, connection, log, signingKey, ...given }: Parts): OwnedDeps {
  const metrics = createMetrics();
  watchMongodb(connection.client, metrics);
  const databaseClock = new DatabaseClock(connection.db);
  const clock = given.clock ?? databaseClock;
  const collections = openCollections(connection.db);
  const batches = createBatches({ collections, clock, config }, given.withoutBatches);
  const waitTimes = new WaitTimes(collections.queueWaitTimes, log);
  const signingKeys = readSigningKeys(signingKey, config.jwtPreviousSigningKeys);
  const sealer = createMaskSealer(config, signingKeys);
  const agentWatch = new AgentWatch(collections, clock, log);
  const claimsUnderWay = new ClaimsUnderWay({ collections, clock });
  const claims = new Batcher({
    run: (claimers: readonly Claimer[]) =>
      claimTogether({ collections, clock, config, claimsUnderWay }, claimers),
    // All that wait look at once when changes were missed.
    maxWaiting: 100_000,
    gatherMs: () => claimsUnderWay.gatherMs,
  });
  const jobWaiters = new JobWaiters();
  const claimableFeed = createClaimableFeed(collections, jobWaiters, log);
  const newsOfJobs = createNewsOfJobs(collections, log);
  metrics.beforeScrape.push(() => measureWaiting(metrics, { jobWaiters, newsOfJobs }));
  const bcryptPool = new BcryptPool(config.bcryptCost);
  const { dbName, collectionName } = collections.loginFailures;
  const secretsStore = createSecretsStore(config, connection, log);
  const endWaits = () => {
    jobWaiters.end();
    newsOfJobs.states.end();
    newsOfJobs.logs.end();
  };
  return {
    config,
    connection,
    collections,
    batches,
    clock,
    databaseClock,
    log,
    securityLog: countTokenOutcomes(metrics, createSecurityLog(log)),
    metrics,
    signingKeys,
    verifiedTokens: createVerifiedTokens(),
    bcryptPool,
    rememberedPairs: new RememberedPairs(),
    loginAttempts: new LoginAttempts(connection.client, dbName, collectionName),
    waitTimes,
    agentWatch,
    claims,
    claimsUnderWay,
    jobWaiters,
    claimableFeed,
    newsOfJobs,
    jobMasks: new JobMasks(collections.jobMasks, sealer, clock, log),
    heldTails: new HeldTails(collections.logs, sealer),
    secretsStore,
    endWaits,
    async close() {
      databaseClock.stop();
      agentWatch.stop();
      endWaits();
      await Promise.all([claimableFeed, newsOfJobs.states, newsOfJobs.logs].map((feed) => feed.close()));
      await batches.settle();
      await waitTimes.close();
      await bcryptPool.close();
      await secretsStore?.close();
      await connection.client.close();
    },
  };
}
