import type { z } from 'zod';
import type { ClientRecord } from '../principal/client-record.js';
import { boundLimits } from '../principal/permissions.js';
import type { clientAnswer } from './client-schema.js';

/** Returns a client as the API shows it: without its hash, and with a default for each permission that is not set. */
export function presentClient(record: ClientRecord, isDisabled: boolean): z.output<typeof clientAnswer> {
  return {
    client_id: record.client_id,
    role: record.role ?? 'contributor',
    max_priority: boundLimits(record.max_priority ?? {}),
    max_reservation_time: boundLimits(record.max_reservation_time ?? {}),
    allowed_queues: record.allowed_queues ?? [],
    ...(record.email != null && { email: record.email }),
    ...(isDisabled && { disabled: true as const }),
  };
}
