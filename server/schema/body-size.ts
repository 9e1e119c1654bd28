/** Tells whether maps and lists nest more than `levels` deep (`{}` is one level); recurses no deeper than that, since a body may nest 100,000 deep. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}

/** Tells whether a JSON value holds more than `most` values, itself and those of every depth counted; stops as soon as it does. */
export function holdsMoreThan(value: unknown, most: number): boolean {
  const open: unknown[] = [value];
  for (let seen = 0; open.length; seen++) {
    if (seen + open.length > most) return true;
    const next = open.pop();
    if (typeof next !== 'object' || next === null) continue;
    const inside: unknown[] = Array.isArray(next) ? next : Object.values(next);
    if (seen + open.length + inside.length > most) return true;
    open.push(...inside);
  }
  return false;
}
