import { isLong } from './long.js';

/** A JSON map with any content. */
export type JsonMap = Record<string, unknown>;

/** Returns whether a JSON value is a map (an object that is neither a list nor a 64-bit integer). */
export function isJsonMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isLong(value);
}

/** Sets an own field with any name: assigning to `__proto__` would change the prototype and lose the value. */
export function setOwn(target: object, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    (target as JsonMap)[key] = value;
  }
}
