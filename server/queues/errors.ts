import type { ErrorRows } from '../errors/error-row.js';

/** The errors of queues. */
export const queueErrors = {
  notFound: { code: 'queue_not_found', status: 404 },
  restrictedNotFound: {
    code: 'restricted_queue_not_found',
    status: 404,
    message: 'Error: Restricted queue not found.',
  },
  clientMissing: { code: 'restricted_client_missing', status: 400, message: 'Error: Missing client ID.' },
  withoutAgent: {
    code: 'queue_without_agent',
    status: 404,
    message: 'Error: No agent is associated with the specified queue.',
  },
} as const satisfies ErrorRows;
