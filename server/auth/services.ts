import type { ClientRecord } from '../principal/client-record.js';
import type { Audit } from '../core/audit.js';
import type { MetricsOf } from '../core/metric-registry.js';
import type { BcryptPool } from './bcrypt-pool.js';
import type { AuthCollections, ClientKey, RefreshToken } from './collections.js';
import type { LoginAttempts } from './login-attempts.js';
import type { authMetrics } from './metrics.js';
import type { RememberedPairs } from './remembered-pairs.js';
import type { AuthSettings } from './settings.js';
import type { SigningKeys } from './signing-keys.js';
import type { VerifiedTokens } from './verify-token.js';

/** What logins and tokens add to the dependencies of functions. */
export interface AuthServices {
  config: AuthSettings;
  collections: AuthCollections;
  metrics: MetricsOf<typeof authMetrics>;
  /** Also counts the outcomes of credentials. */
  audit: Audit;
  signingKeys: SigningKeys;
  verifiedTokens: VerifiedTokens;
  bcryptPool: BcryptPool;
  rememberedPairs: RememberedPairs;
  loginAttempts: LoginAttempts;
  /** The record of a client, read together with others of the same moment. */
  findClient(clientId: string): Promise<ClientRecord | undefined>;
  /** A key made by the server, read together with others of the same moment. */
  findClientKey(keyId: string): Promise<ClientKey | undefined>;
  /** Stores a refresh token, together with others of the same moment. */
  insertRefreshToken(token: RefreshToken): Promise<void>;
}
