/** Tells whether maps and lists nest more than `levels` deep (`{}` is one level); never recurses, since a body may nest 100,000 deep. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  let level = containersIn([value]);
  for (let depth = 0; level.length; depth++) {
    if (depth === levels) return true;
    level = containersIn(level.flatMap((container) => Object.values(container)));
  }
  return false;
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

function containersIn(values: readonly unknown[]): object[] {
  return values.filter((value): value is object => typeof value === 'object' && value !== null);
}
