import type { z } from 'zod';
import { anyMap, integer, mapOf, object, text } from '../schema/schema.js';

/** What an agent reports about a job: exit codes by phase, its device, the state that the job is in now. */
export const resultInput = object({
  status: mapOf(integer()).optional(),
  device_info: anyMap().optional(),
  job_state: text().optional(),
});

/** What an agent reports about a job, as it was read. */
export type ResultInput = z.output<typeof resultInput>;
