import type { Long } from 'mongodb';
import { isLong } from '../schema/long.js';
import { isJsonMap, type JsonMap, setOwn } from '../schema/set-own.js';

/** Masks a text or a number; returns it unchanged if it is not secret. */
type Mask = (part: string | number | Long) => unknown;

/**
 * Masks every string in a JSON value, and every key of its maps. Returns the same object if nothing changed. If two
 * keys become equal, the last one remains.
 * @param maskNumber masks a number; by default no number is masked
 */
export function maskStrings<T>(
  value: T,
  mask: (text: string) => string,
  maskNumber: (number: number | Long) => unknown = (number) => number,
): T {
  return maskValue(value, (part) => (typeof part === 'string' ? mask(part) : maskNumber(part))) as T;
}

function maskValue(value: unknown, mask: Mask): unknown {
  if (typeof value === 'string' || typeof value === 'number' || isLong(value)) return mask(value);
  if (Array.isArray(value)) return maskList(value, mask);
  return isJsonMap(value) ? maskMap(value, mask) : value;
}

function maskList(list: readonly unknown[], mask: Mask): readonly unknown[] {
  const masked = list.map((item) => maskValue(item, mask));
  return masked.some((item, i) => !Object.is(item, list[i])) ? masked : list;
}

function maskMap(map: JsonMap, mask: Mask): JsonMap {
  const masked: JsonMap = {};
  let isChanged = false;
  for (const [key, value] of Object.entries(map)) {
    const [maskedKey, maskedValue] = [String(mask(key)), maskValue(value, mask)];
    isChanged ||= maskedKey !== key || !Object.is(maskedValue, value);
    setOwn(masked, maskedKey, maskedValue);
  }
  return isChanged ? masked : map;
}
