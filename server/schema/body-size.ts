import { isLong } from './long.js';

/** Returns whether maps and lists nest more than `levels` deep (`{}` is one level); it recurses no deeper, since a body can nest 100,000 deep. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}

/** Returns whether a JSON value has more than `limit` values, itself and all nested ones included; it stops counting at the limit. */
export function hasMoreValuesThan(value: unknown, limit: number): boolean {
  const open: unknown[] = [value];
  for (let seen = 0; open.length; seen++) {
    if (seen + open.length > limit) return true;
    const next = open.pop();
    if (typeof next !== 'object' || next === null || isLong(next)) continue;
    const inside: unknown[] = Array.isArray(next) ? next : Object.values(next);
    if (seen + open.length + inside.length > limit) return true;
    open.push(...inside);
  }
  return false;
}
