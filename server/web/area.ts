import type { AuthServices } from '../auth/services.js';
import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import type { AnyRoute } from '../http/route.js';
import type { SessionServices } from '../sessions/services.js';
import { homeRoute } from './home-route.js';

type Needs = Core & Pick<AuthServices, 'config'> & Pick<SessionServices, 'config'>;

/** The pages that people look at. */
export const webArea: Area<object, Needs, AnyRoute<Needs>> = { name: 'web', routes: [homeRoute] };
