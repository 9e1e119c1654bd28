import type { Area } from '../core/area.js';
import { periodicCollections } from './collections.js';
import { periodicMetrics } from './metrics.js';
import type { PeriodicServices } from './services.js';

/** Periodic duties, each of which one process at a time runs. */
export const periodicArea: Area<PeriodicServices> = {
  name: 'periodic',
  collections: periodicCollections,
  metrics: periodicMetrics,
};
