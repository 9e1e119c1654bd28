import type { Audit } from '../core/audit.js';
import type { MetricsOf } from '../core/metric-registry.js';
import type { BcryptPool } from './bcrypt-pool.js';
import type { AuthCollections, ClientKey, RefreshToken } from './collections.js';
import type { FoundClient } from './find-clients.js';
import type { LoginAttempts } from './login-attempts.js';
import type { LoginPrefixes } from './login-prefixes.js';
import type { authMetrics } from './metrics.js';
import type { AuthSettings } from './settings.js';
import type { SigningKeys } from './signing-keys.js';
import type { VerifiedSecrets } from './verified-secrets.js';
import type { VerifiedTokens } from './verify-token.js';

/** The dependencies that logins and tokens add. */
export interface AuthServices {
  config: AuthSettings;
  collections: AuthCollections;
  metrics: MetricsOf<typeof authMetrics>;
  /** The security log, which also counts the outcomes of credentials. */
  audit: Audit;
  signingKeys: SigningKeys;
  verifiedTokens: VerifiedTokens;
  bcryptPool: BcryptPool;
  /** Returns the bcrypt cost that every failed login takes. */
  findDearestCost(): Promise<number>;
  verifiedSecrets: VerifiedSecrets;
  loginAttempts: LoginAttempts;
  loginPrefixes: LoginPrefixes;
  /** Reads a client's record, and whether the client is disabled, in one query with other reads of the same moment. */
  findClient(clientId: string): Promise<FoundClient | undefined>;
  /** Reads a key made by the server, in one query with other reads of the same moment. */
  findClientKey(keyId: string): Promise<ClientKey | undefined>;
  /** Keeps, in every area, what a client got with its secret when the stored hash of the same secret is replaced. */
  secretRehashed(clientId: string, digests: { before: string; after: string }): Promise<unknown>;
  /** Stores a refresh token, in one write with others of the same moment. */
  insertRefreshToken(token: RefreshToken): Promise<void>;
}
