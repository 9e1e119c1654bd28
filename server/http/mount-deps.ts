import type { Core } from '../core/core.js';
import type { HttpServices } from './services.js';

/** The dependencies that serving any route needs, besides those of the route's handler. */
export type MountDeps = Core & Pick<HttpServices, 'config' | 'bodyTimes'>;
