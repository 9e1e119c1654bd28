import type { ErrorRows } from '../errors/error-row.js';
import type { BodyQuirk } from '../errors/json-family.js';

/** The errors of agents. */
export const agentErrors = {
  notFound: { code: 'agent_not_found', status: 404, message: 'Agent not found' },
} as const satisfies ErrorRows;

/** Stock agents print the response body unchanged. */
export const agentQuirks: readonly BodyQuirk[] = [{ error: agentErrors.notFound, shape: 'line' }];
