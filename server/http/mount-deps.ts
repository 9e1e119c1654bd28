import type { Core } from '../core/core.js';
import type { HttpServices } from './services.js';

/** What serving a route takes of the dependencies, besides what the route's handler takes. */
export type MountDeps = Core & Pick<HttpServices, 'config'>;
