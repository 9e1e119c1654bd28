import type { JobsSettings } from './settings.js';

/** What this area adds to the dependencies of functions. */
export interface JobsServices {
  config: JobsSettings;
}
