import { randomBytes } from 'node:crypto';
import type { AuthServices } from '../auth/services.js';
import type { ClientServices } from '../clients/services.js';
import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import { Sealer } from '../crypto/sealer.js';
import type { DatabaseServices } from '../db/services.js';
import type { AnyRoute } from '../http/route.js';
import { sessionCollections, sessionIndexes } from './collections.js';
import { sessionErrors } from './errors.js';
import { findSessionsBatch } from './find-sessions-batch.js';
import { localSignInRoutes } from './local-sign-in.js';
import { oneTimeRoutes } from './one-time-routes.js';
import { sessionSchemes } from './schemes.js';
import type { SessionServices } from './services.js';
import { sessionRoutes } from './session-routes.js';
import { sessionSettings } from './settings.js';
import { SignInLimit } from './sign-in-limit.js';
import { checkWebKey, listWebKeys } from './web-key.js';

type Needs = Core &
  Pick<DatabaseServices, 'batching'> &
  AuthServices &
  ClientServices &
  Pick<SessionServices, 'config' | 'collections'>;

/** The sessions of people's browsers: the cookie, what it proves, and the sign-ins without a provider. */
export const sessionsArea: Area<SessionServices, Needs, AnyRoute<Needs & SessionServices>> = {
  name: 'sessions',
  settings: sessionSettings,
  collections: sessionCollections,
  indexes: sessionIndexes,
  errors: sessionErrors,
  schemes: sessionSchemes,
  routes: [...localSignInRoutes, ...oneTimeRoutes, ...sessionRoutes],
  createServices({ config, connection, collections, batching }) {
    const keys = listWebKeys(config);
    return {
      findSession: batching.batched(findSessionsBatch(collections)),
      // Without the key there is no provider, so there is nothing to seal.
      webSealer: new Sealer('sign-in', keys.length > 0 ? keys : [randomBytes(32)]),
      signInLimit: new SignInLimit(connection.client, collections.loginFailures),
    };
  },
  prepare: ({ collections, config }) => checkWebKey(collections, config),
  async secretRehashed({ collections }, clientId, { before, after }) {
    const got = { client_id: clientId, 'origin.hash_sha256': before };
    await collections.sessions.updateMany(got, { $set: { 'origin.hash_sha256': after } });
  },
  async removeClientData({ collections }, clientId) {
    await collections.sessions.deleteMany({ client_id: clientId });
  },
};
