import type { JobsSettings } from './settings.js';

/** What requests about jobs add to the dependencies of functions. */
export interface JobsServices {
  config: JobsSettings;
}
