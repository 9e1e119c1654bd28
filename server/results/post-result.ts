import type { Document } from 'mongodb';
import type { z } from 'zod';
import type { Deps } from '../deps.js';
import { anyMap, integer, mapOf, object, text } from '../http/schema.js';
import { endedStates } from '../jobs/job-state.js';

/** What an agent tells of a job: exit codes by phase, its device, the state that the job is in now. */
export const resultInput = object({
  status: mapOf(integer()).optional(),
  device_info: anyMap().optional(),
  job_state: text().optional(),
});

/**
 * Stores each field that is given in place of the stored one, with one write. A job that has ended keeps its state,
 * such as `cancelled`, against the phases that its agent still names; the agent's last word, `complete`, is stored.
 * Nothing is stored for a job that does not exist.
 */
export async function postResult(
  { collections }: Deps,
  jobId: string,
  input: z.output<typeof resultInput>,
): Promise<void> {
  const { job_state: state, ...fields } = input;
  const set: Document = {};
  // As literals, since a text that begins with a dollar would name a field.
  for (const [field, value] of Object.entries(fields)) set[`result_data.${field}`] = { $literal: value };
  if (state !== undefined) set['result_data.job_state'] = nextState(state);
  if (Object.keys(set).length === 0) return;
  await collections.jobs.findOneAndUpdate({ job_id: jobId }, [{ $set: set }], {
    // The newest, where an older database holds doubles.
    sort: { created_at: -1 },
    projection: { _id: 1 },
  });
}

function nextState(state: string): Document {
  if (endedStates.includes(state)) return { $literal: state };
  const current = '$result_data.job_state';
  return { $cond: [{ $in: [current, [...endedStates]] }, current, { $literal: state }] };
}
