import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import { findBatch } from '../db/batched-reads.js';
import { insertBatch } from '../db/batched-writes.js';
import type { DatabaseServices } from '../db/services.js';
import type { AnyRoute } from '../http/route.js';
import { BcryptPool, queueLimit } from './bcrypt-pool.js';
import { authCollections, authIndexes, type RefreshToken } from './collections.js';
import { countTokenOutcomes } from './count-token-outcomes.js';
import { createDearestCost } from './dearest-cost.js';
import { authErrors, authQuirks } from './errors.js';
import { findClientsBatch } from './find-clients.js';
import { hashTokens, surveyTokens } from './hash-tokens.js';
import { LoginAttempts } from './login-attempts.js';
import { LoginPrefixes } from './login-prefixes.js';
import { authMetrics } from './metrics.js';
import { authRoutes } from './routes.js';
import { authSchemes } from './schemes.js';
import type { AuthServices } from './services.js';
import { authSettings } from './settings.js';
import { readSigningKeys } from './signing-keys.js';
import { tokenKinds } from './token-kinds.js';
import { VerifiedSecrets } from './verified-secrets.js';
import { createVerifiedTokens } from './verify-token.js';

type Needs = Core &
  Pick<DatabaseServices, 'batching'> &
  Pick<AuthServices, 'config' | 'collections' | 'metrics' | 'secretRehashed'>;

/** Identifies callers: logins, tokens, and the limits on failed logins. */
export const authArea: Area<AuthServices, Needs, AnyRoute<Needs & AuthServices>> = {
  name: 'auth',
  settings: authSettings,
  collections: authCollections,
  indexes: authIndexes,
  errors: authErrors,
  quirks: authQuirks,
  metrics: authMetrics,
  tokenKinds,
  schemes: authSchemes,
  routes: authRoutes,
  surveys: { refresh_tokens: surveyTokens },
  adoption: [hashTokens],
  createServices({ config, connection, clock, log, collections, metrics, batching, audit, secretRehashed }) {
    const { clients, clientKeys, refreshTokens, loginFailures } = collections;
    const bcryptPool = new BcryptPool(config.bcryptCost);
    const loginPrefixes = new LoginPrefixes({ collections, clock, log });
    metrics.bcryptQueueLimit.set(queueLimit);
    metrics.beforeScrape.push(() => metrics.bcryptQueue.set(bcryptPool.waiting));
    return {
      audit: countTokenOutcomes(metrics, audit),
      secretRehashed,
      signingKeys: readSigningKeys(config.jwtSigningKey ?? '', config.jwtPreviousSigningKeys),
      bcryptPool,
      findDearestCost: createDearestCost(clients, config.bcryptCost),
      verifiedTokens: createVerifiedTokens(),
      verifiedSecrets: new VerifiedSecrets(),
      loginPrefixes,
      loginAttempts: new LoginAttempts(connection.client, loginFailures, loginPrefixes),
      findClient: batching.batched(findClientsBatch(collections)),
      findClientKey: batching.batched(findBatch(clientKeys, 'key_id')),
      insertRefreshToken: batching.batched<RefreshToken, void>((made) => insertBatch(refreshTokens, made)),
    };
  },
  async stop({ bcryptPool }) {
    await bcryptPool.close();
  },
  async secretRehashed({ collections }, clientId, { before, after }) {
    const got = { client_id: clientId, hash_sha256: before };
    await collections.refreshTokens.updateMany(got, { $set: { hash_sha256: after } });
  },
  async removeClientData({ collections, clock }, clientId) {
    await Promise.all([
      collections.removedClients.updateOne(
        { client_id: clientId },
        { $set: { removed_at: clock.now() } },
        { upsert: true },
      ),
      collections.refreshTokens.deleteMany({ client_id: clientId }),
      collections.clientKeys.deleteMany({ client_id: clientId }),
      collections.loginPrefixes.deleteMany({ client_id: clientId }),
      collections.disabledClients.deleteOne({ _id: clientId }),
    ]);
  },
};
