import type { Area } from '../core/area.js';
import { commonErrors, commonQuirks } from '../errors/common-errors.js';
import { bodyTimes } from './body-time.js';
import { httpErrors } from './errors.js';
import { httpMetrics } from './metrics.js';
import type { HttpServices } from './services.js';
import { httpSettings } from './settings.js';

/** The HTTP server: what all routes share. */
export const httpArea: Area<HttpServices> = {
  name: 'http',
  settings: httpSettings,
  errors: { ...commonErrors, ...httpErrors },
  quirks: commonQuirks,
  metrics: httpMetrics,
  createServices: () => ({ bodyTimes }),
};
