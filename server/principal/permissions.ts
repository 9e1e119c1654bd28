import { isLong } from '../schema/long.js';
import { isJsonMap } from '../schema/set-own.js';
import type { ClientRecord } from './client-record.js';

/** What a token states about its client; a field is present if the client's record has it. */
export interface Permissions {
  client_id?: string;
  role?: string;
  max_priority?: Record<string, number>;
  allowed_queues?: string[];
  max_reservation_time?: Record<string, number>;
  email?: string;
}

/** The fields of a client's record that a token states: an allow-list, so that a new field never leaks into tokens. */
const statedFields = [
  'client_id',
  'role',
  'max_priority',
  'allowed_queues',
  'max_reservation_time',
  'email',
] as const;

/** Returns the permissions that a client's token states. */
export function presentPermissions(record: ClientRecord): Permissions {
  const entries = statedFields
    .filter((field) => record[field] != null)
    .map((field) => [field, boundLimits(record[field])]);
  return Object.fromEntries(entries) as Permissions;
}

/** Reads the permissions from a token's claim; a field of the wrong type counts as absent. */
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

/** Returns the larger of a map's values for `*` and for `queue`; a missing value counts as 0. */
export function findLimit(limits: Record<string, unknown> | undefined, queue: string): number {
  return Math.max(readLimit(limits, '*'), readLimit(limits, queue));
}

function readLimit(limits: Record<string, unknown> | undefined, key: string): number {
  const value = limits !== undefined && Object.hasOwn(limits, key) ? boundNumber(limits[key]) : 0;
  return typeof value === 'number' ? value : 0;
}

/**
 * Returns a stored map of limits as it is shown, and any other value unchanged: an adopted database can have 64-bit integers, and one beyond ±(2^53-1) counts
 * as that bound. Priorities and times beyond it are refused anyway.
 */
export function boundLimits<T>(limits: T): T {
  if (!isJsonMap(limits) || Object.values(limits).every(Number.isSafeInteger)) return limits;
  const bounded = Object.entries(limits).map(([queue, limit]) => [queue, boundNumber(limit)]);
  return Object.fromEntries(bounded) as T;
}

function boundNumber(limit: unknown): unknown {
  const number = isLong(limit) ? limit.toNumber() : limit;
  if (typeof number !== 'number') return limit;
  return Math.min(Math.max(number, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}
