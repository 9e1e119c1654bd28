import type { AuthServices } from '../auth/services.js';
import type { ClientServices } from '../clients/services.js';
import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import { createOutboundDispatcher } from '../http/outbound.js';
import type { AnyRoute } from '../http/route.js';
import type { SessionServices } from '../sessions/services.js';
import { peopleCollections, peopleIndexes } from './collections.js';
import { deviceRoutes } from './device-routes.js';
import { peopleErrors, peopleQuirks } from './errors.js';
import { logoutRoutes } from './logout-routes.js';
import { Provider } from './provider.js';
import { providerRoutes } from './provider-routes.js';
import type { PeopleServices } from './services.js';
import { peopleSettings } from './settings.js';
import { signInRoutes } from './sign-in-routes.js';

type Needs = Core &
  AuthServices &
  ClientServices &
  SessionServices &
  Pick<PeopleServices, 'config' | 'collections'>;

/** The people who sign in at an OIDC provider: the browser's way there and back, the device flow, and their records. */
export const peopleArea: Area<PeopleServices, Needs, AnyRoute<Needs & PeopleServices>> = {
  name: 'people',
  settings: peopleSettings,
  collections: peopleCollections,
  indexes: peopleIndexes,
  errors: peopleErrors,
  quirks: peopleQuirks,
  routes: [...signInRoutes, ...deviceRoutes, ...providerRoutes, ...logoutRoutes],
  createServices({ config }) {
    return { provider: new Provider(config, createOutboundDispatcher(config)) };
  },
  async stop({ provider }) {
    await provider.close();
  },
};
