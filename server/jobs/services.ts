import type { IndexHint } from '../db/index-hint.js';
import type { JobsSettings } from './settings.js';

/** What this area adds to the dependencies of functions. */
export interface JobsServices {
  config: JobsSettings;
  /** Sums the bytes that anonymous callers have sent for the jobs that wait: one statement for all calls of a moment. */
  sumAnonymousBytes(): Promise<number>;
  jobsHints: Record<'anonymousBytes' | 'inProgress', IndexHint>;
}
