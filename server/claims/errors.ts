import type { ErrorRows } from '../errors/error-row.js';

/** The errors of asking for a job. */
export const claimErrors = {
  noQueueNamed: { code: 'no_queue_named', status: 400, message: 'No queue(s) specified in request' },
  agentNotIdentified: { code: 'agent_not_identified', status: 401, message: 'Agent not identified' },
} as const satisfies ErrorRows;
