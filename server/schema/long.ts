import { Long } from 'mongodb';

/** Returns whether a value is a 64-bit integer that a double cannot hold: the driver's type, which is not a map. */
export function isLong(value: unknown): value is Long {
  return value instanceof Long;
}

/** Returns whether a value from the database contains such an integer, at any depth. */
export function containsLong(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return isLong(value) || Object.values(value).some(containsLong);
}
