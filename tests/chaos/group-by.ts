/** Groups items by the key that `read` returns, in order (`Map.groupBy` needs Node 21). */
export function groupBy<T, K>(items: readonly T[], read: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = read(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
