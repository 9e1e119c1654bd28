import type { z } from 'zod';
import { phases } from '../job/phases.js';
import { anyMap, integer, mapOf, object, text } from '../schema/schema.js';

const phase = new RegExp(`^(${phases.join('|')})$`);

/** The schema of an agent's report about a job: exit codes by phase, its device, and the job's current state. */
export const resultInput = object({
  status: mapOf(integer(), { keyPattern: phase }).optional(),
  device_info: anyMap().optional(),
  job_state: text().optional(),
});

/** An agent's report about a job. */
export type ResultInput = z.output<typeof resultInput>;
