import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import type { AnyRoute } from '../http/route.js';
import type { PeriodicServices } from '../periodic/services.js';
import { healthRoutes } from './routes.js';

type Needs = Core & PeriodicServices;

/** The health checks of load balancers and agents. */
export const healthArea: Area<object, Needs, AnyRoute<Needs>> = { name: 'health', routes: healthRoutes };
