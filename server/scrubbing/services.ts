import type { Sealer } from '../crypto/sealer.js';
import type { ScrubbingCollections } from './collections.js';
import type { JobMasks } from './job-masks.js';

/** What scrubbing adds to the dependencies of functions. */
export interface ScrubbingServices {
  collections: ScrubbingCollections;
  /** Seals what is kept of the secrets of jobs in progress. */
  maskSealer: Sealer;
  jobMasks: JobMasks;
}
