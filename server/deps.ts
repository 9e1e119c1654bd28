import type { Logger } from 'pino';
import type { BcryptPool } from './auth/bcrypt-pool.js';
import type { LoginAttempts } from './auth/login-attempts.js';
import type { RememberedPairs } from './auth/remembered-pairs.js';
import type { SigningKeys } from './auth/signing-keys.js';
import type { SecurityLog } from './core/audit.js';
import type { VerifiedTokens } from './auth/verify-access-token.js';
import type { Config } from './config/config.js';
import type { Batches } from './create-batches.js';
import type { Batcher } from './db/batcher.js';
import type { Collections } from './db/collections.js';
import type { Connection } from './db/connect.js';
import type { Clock } from './db/database-clock.js';
import type { WaitingJob } from './claims/choose-jobs.js';
import type { Claimer } from './claims/claim-one.js';
import type { ClaimsUnderWay } from './claims/contention.js';
import type { ClaimableFeed, JobWaiters } from './claims/job-waiters.js';
import type { AgentWatch } from './leases/agent-watch.js';
import type { Metrics } from './core/metric-registry.js';
import type { WaitTimes } from './claims/wait-times.js';
import type { NewsOfJobs } from './results/wait-for-news.js';
import type { HeldTails } from './logs/held-tails.js';
import type { JobMasks } from './scrubbing/job-masks.js';
import type { SecretsStore } from './secrets/secrets-store.js';

/** All that domain functions use and never import: passed from `main.ts` and from tests. */
export interface Deps {
  config: Config;
  connection: Connection;
  collections: Collections;
  batches: Batches;
  clock: Clock;
  log: Logger;
  securityLog: SecurityLog;
  metrics: Metrics;
  signingKeys: SigningKeys;
  verifiedTokens: VerifiedTokens;
  bcryptPool: BcryptPool;
  rememberedPairs: RememberedPairs;
  loginAttempts: LoginAttempts;
  waitTimes: WaitTimes;
  agentWatch: AgentWatch;
  claims: Batcher<Claimer, WaitingJob | undefined>;
  claimsUnderWay: ClaimsUnderWay;
  jobWaiters: JobWaiters;
  claimableFeed: ClaimableFeed;
  newsOfJobs: NewsOfJobs;
  jobMasks: JobMasks;
  heldTails: HeldTails;
  /** Absent when none is set up. */
  secretsStore: SecretsStore | undefined;
}
