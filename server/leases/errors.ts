import type { ErrorRows } from '../errors/error-row.js';

/** The errors of who holds a job, and of who uses an agent's name. */
export const leaseErrors = {
  notHeld: { code: 'job_not_held', status: 403, message: 'Not enough permissions on job ID' },
  agentNameBound: {
    code: 'agent_name_bound',
    status: 403,
    message: 'The agent name belongs to another client',
  },
} as const satisfies ErrorRows;
