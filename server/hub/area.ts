import type { Area } from '../core/area.js';
import { hubMetrics } from './metrics.js';
import type { HubServices } from './services.js';

/** The area of waiting requests: topics that wake the requests that wait for a change. */
export const hubArea: Area<HubServices> = { name: 'hub', metrics: hubMetrics };
