import { isJsonMap, type JsonMap, setOwn } from '../schema/set-own.js';

/**
 * Masks every string in a JSON value, and every key of its maps. Returns the same object if no string changed. If two
 * keys become equal, the last one remains.
 */
export function maskStrings<T>(value: T, mask: (text: string) => string): T {
  return maskValue(value, mask) as T;
}

function maskValue(value: unknown, mask: (text: string) => string): unknown {
  if (typeof value === 'string') return mask(value);
  if (Array.isArray(value)) return maskList(value, mask);
  return isJsonMap(value) ? maskMap(value, mask) : value;
}

function maskList(list: readonly unknown[], mask: (text: string) => string): readonly unknown[] {
  const masked = list.map((item) => maskValue(item, mask));
  return masked.some((item, i) => !Object.is(item, list[i])) ? masked : list;
}

function maskMap(map: JsonMap, mask: (text: string) => string): JsonMap {
  const masked: JsonMap = {};
  let isChanged = false;
  for (const [key, value] of Object.entries(map)) {
    const [maskedKey, maskedValue] = [mask(key), maskValue(value, mask)];
    isChanged ||= maskedKey !== key || !Object.is(maskedValue, value);
    setOwn(masked, maskedKey, maskedValue);
  }
  return isChanged ? masked : map;
}
