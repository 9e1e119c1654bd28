/**
 * Stores values by literal path prefix and finds those of a path's prefixes. A prefix matches whole segments only: a
 * path of `n` segments costs `n` look-ups, however many prefixes the table holds.
 */
export class PrefixTable<T> {
  readonly #values = new Map<string, T>();

  set(prefix: string, value: T): void {
    this.#values.set(prefix, value);
  }

  /** Returns the values of the path's prefixes, the longest first. */
  find(path: string): T[] {
    const found: T[] = [];
    for (let end = path.length; end >= 0; end = end > 0 ? path.lastIndexOf('/', end - 1) : -1) {
      const value = this.#values.get(path.slice(0, end));
      if (value !== undefined) found.push(value);
    }
    return found;
  }
}

/** Returns the part of a path before its first parameter, without a trailing slash: `/v1/job` of `/v1/job/{job_id}/position`. */
export function literalPrefix(path: string): string {
  return path.replace(/\/?\{.*$/, '').replace(/\/+$/, '');
}
