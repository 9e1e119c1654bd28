import type { Sealer } from '../crypto/sealer.js';
import type { ScrubbingCollections } from './collections.js';
import type { JobMasks } from './job-masks.js';

/** The dependencies that the scrubbing area provides to functions. */
export interface ScrubbingServices {
  collections: ScrubbingCollections;
  /** Encrypts the stored secrets of jobs in progress. */
  maskSealer: Sealer;
  jobMasks: JobMasks;
}
