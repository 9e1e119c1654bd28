import type { AuthServices } from '../auth/services.js';
import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import { scrubbingCollections, scrubbingIndexes } from './collections.js';
import { createMaskSealer, type MasterKeys } from './create-mask-sealer.js';
import { JobMasks } from './job-masks.js';
import type { ScrubbingServices } from './services.js';

type Needs = Core & { config: MasterKeys } & Pick<AuthServices, 'signingKeys'> &
  Pick<ScrubbingServices, 'collections'>;

/** The scrubbing area: masks the secrets of jobs in every text before it is stored. */
export const scrubbingArea: Area<ScrubbingServices, Needs> = {
  name: 'scrubbing',
  collections: scrubbingCollections,
  indexes: scrubbingIndexes,
  createServices({ config, signingKeys, collections, clock, log }) {
    const maskSealer = createMaskSealer(config, signingKeys);
    return { maskSealer, jobMasks: new JobMasks(collections.jobMasks, maskSealer, clock, log) };
  },
};
