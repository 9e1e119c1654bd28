import type { z } from 'zod';
import type { Deps } from '../deps.js';
import { listOf, object, text } from '../http/schema.js';

/** Lines of an agent's log that are kept. */
const logLinesKept = 100;

/** What an agent tells about itself: any of these; the state words are the agents' own. */
export const agentInput = object({
  state: text().optional(),
  queues: listOf(text()).optional(),
  location: text().optional(),
  provision_type: text().optional(),
  job_id: text().optional(),
  log: listOf(text()).optional(),
  comment: text().optional(),
  identifier: text().optional(),
});

/** Merges what an agent tells into its record; log lines are appended and the last 100 kept. */
export async function postAgentData(
  deps: Deps,
  name: string,
  input: z.output<typeof agentInput>,
): Promise<void> {
  const { log, ...fields } = input;
  await deps.collections.agents.updateOne(
    { name },
    {
      $set: fields as Record<string, string | string[]>,
      $currentDate: { updated_at: true },
      ...(log !== undefined && { $push: { log: { $each: log, $slice: -logLinesKept } } }),
    },
    { upsert: true },
  );
}
