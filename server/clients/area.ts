import type { AuthServices } from '../auth/services.js';
import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import type { AnyRoute } from '../http/route.js';
import { clientCollections } from './collections.js';
import { endingDuty } from './end-client.js';
import { clientErrors } from './errors.js';
import { keyRoutes } from './key-routes.js';
import { clientRoutes } from './routes.js';
import type { ClientServices } from './services.js';
import { surveyClients } from './survey-clients.js';
import { tokenRoutes } from './token-routes.js';

type Needs = Core & AuthServices;

/** Manages clients and their keys. */
export const clientsArea: Area<ClientServices, Needs, AnyRoute<Needs & ClientServices>> = {
  name: 'clients',
  collections: clientCollections,
  errors: clientErrors,
  duties: [endingDuty],
  routes: [...clientRoutes, ...keyRoutes, ...tokenRoutes],
  surveys: { client_permissions: surveyClients },
};
