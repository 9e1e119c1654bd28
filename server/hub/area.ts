import type { Area } from '../core/area.js';
import { hubMetrics } from './metrics.js';
import type { HubServices } from './services.js';

/** Requests that wait for something, and what wakes them. */
export const hubArea: Area<HubServices> = { name: 'hub', metrics: hubMetrics };
