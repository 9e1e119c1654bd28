import type { ClientRecord } from './client-record.js';
import { isJsonMap } from '../schema/set-own.js';

/** What a token says of its client; each field is there when the client's record has it. */
export interface Permissions {
  client_id?: string;
  role?: string;
  max_priority?: Record<string, number>;
  allowed_queues?: string[];
  max_reservation_time?: Record<string, number>;
  email?: string;
}

/** The fields of a client's record that a token may state: an allow-list, so that a new field never leaks into tokens. */
const stated = [
  'client_id',
  'role',
  'max_priority',
  'allowed_queues',
  'max_reservation_time',
  'email',
] as const;

/** The permissions that a token for this client states. */
export function presentPermissions(record: ClientRecord): Permissions {
  const entries = stated.filter((field) => record[field] != null).map((field) => [field, record[field]]);
  return Object.fromEntries(entries) as Permissions;
}

/** The permissions that a token's claim states; a field of another type than a record's counts as not there. */
export function readPermissions(claim: unknown): Permissions {
  if (!isJsonMap(claim)) return {};
  const {
    client_id: clientId,
    role,
    max_priority,
    allowed_queues: queues,
    max_reservation_time,
    email,
  } = claim;
  return {
    ...(typeof clientId === 'string' && { client_id: clientId }),
    ...(typeof role === 'string' && { role }),
    ...(isJsonMap(max_priority) && { max_priority: max_priority as Record<string, number> }),
    ...(Array.isArray(queues) && { allowed_queues: queues.filter((queue) => typeof queue === 'string') }),
    ...(isJsonMap(max_reservation_time) && {
      max_reservation_time: max_reservation_time as Record<string, number>,
    }),
    ...(typeof email === 'string' && { email }),
  };
}

/** The larger of a map's values for `*` and for `queue`; 0 for what is not there. */
export function findLimit(limits: Record<string, unknown> | undefined, queue: string): number {
  return Math.max(readLimit(limits, '*'), readLimit(limits, queue));
}

function readLimit(limits: Record<string, unknown> | undefined, key: string): number {
  const value = limits !== undefined && Object.hasOwn(limits, key) ? limits[key] : 0;
  return typeof value === 'number' ? value : 0;
}
