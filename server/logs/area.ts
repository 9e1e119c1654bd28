import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import { insertBatch } from '../db/batched-writes.js';
import type { DatabaseServices } from '../db/services.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import { logAdoption, surveyLogs } from './adopt-logs.js';
import { type LogRecord, logCollections, logIndexes } from './collections.js';
import { HeldTails } from './held-tails.js';
import type { LogServices } from './services.js';
import { createSmallLogReader } from './small-logs.js';

type Needs = Core &
  Pick<DatabaseServices, 'batching'> &
  Pick<ScrubbingServices, 'maskSealer'> &
  Pick<LogServices, 'collections'>;

/** The area of job logs: their collection, and the services that mask and store fragments. */
export const logsArea: Area<LogServices, Needs> = {
  name: 'logs',
  collections: logCollections,
  indexes: logIndexes,
  surveys: { logs: surveyLogs },
  adoption: [logAdoption],
  createServices: ({ collections: { logs }, batching, maskSealer }) => ({
    heldTails: new HeldTails(logs, maskSealer),
    findSmallLog: createSmallLogReader(logs, batching),
    insertLogFragment: batching.batched<LogRecord, void>((fragments) => insertBatch(logs, fragments)),
  }),
};
