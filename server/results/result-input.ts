import type { z } from 'zod';
import { anyMap, integer, mapOf, object, text } from '../schema/schema.js';

/** The schema of an agent's report about a job: exit codes by phase, its device, and the job's current state. */
export const resultInput = object({
  status: mapOf(integer()).optional(),
  device_info: anyMap().optional(),
  job_state: text().optional(),
});

/** An agent's report about a job. */
export type ResultInput = z.output<typeof resultInput>;
