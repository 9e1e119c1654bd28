import type { AuthServices } from '../auth/services.js';
import type { ClientServices } from '../clients/services.js';
import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import type { DatabaseServices } from '../db/services.js';
import type { AnyRoute } from '../http/route.js';
import type { JobServices } from '../job/services.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import { createSecretsStore } from './create-secrets-store.js';
import { secretErrors } from './errors.js';
import { removeClientSecrets } from './remove-client-secrets.js';
import { secretRoutes } from './routes.js';
import type { SecretServices } from './services.js';
import { secretSettings } from './settings.js';
import { surveySecrets } from './survey-secrets.js';

type Needs = Core &
  DatabaseServices &
  AuthServices &
  Pick<ClientServices, 'collections'> &
  JobServices &
  ScrubbingServices &
  Pick<SecretServices, 'config'>;

/** The secrets area: clients store secrets for their own jobs. */
export const secretsArea: Area<SecretServices, Needs, AnyRoute<Needs & SecretServices>> = {
  name: 'secrets',
  settings: secretSettings,
  errors: secretErrors,
  routes: secretRoutes,
  surveys: { 'secrets.': surveySecrets },
  createServices: ({ config, connection, log }) => ({
    secretsStore: createSecretsStore(config, connection, log),
  }),
  async prepare({ secretsStore }) {
    await secretsStore?.prepare();
  },
  removeClientData: removeClientSecrets,
  async stop({ secretsStore }) {
    await secretsStore?.close();
  },
};
