import type { Core } from '../core/core.js';
import type { ApiPageSettings } from './settings.js';

/** What the API page adds to the dependencies of functions. */
export interface ApiPageServices {
  config: ApiPageSettings;
}

/** What its routes need. */
export type ApiPageDeps = Core & ApiPageServices;
