import type { z } from 'zod';
import type { ClientRecord } from '../principal/client-record.js';
import type { clientAnswer } from './client-schema.js';

/** A client as the API shows it: never its hash, and every field of permissions, set or not. */
export function presentClient(record: ClientRecord): z.output<typeof clientAnswer> {
  return {
    client_id: record.client_id,
    role: record.role ?? 'contributor',
    max_priority: record.max_priority ?? {},
    max_reservation_time: record.max_reservation_time ?? {},
    allowed_queues: record.allowed_queues ?? [],
    ...(record.email != null && { email: record.email }),
  };
}
