/** Maximum length of a label value, in characters. */
const maxLabelLength = 100;

/** The label value of all names that have no series of their own. */
export const otherValue = 'other';

/** Returns whether a name is short enough to be a label value. */
export function fitsLabel(name: string): boolean {
  return name.length <= maxLabelLength;
}

/**
 * Limits the values of a label that clients choose: the first `limit` names get their own series, all others share one.
 */
export class BoundedLabel {
  readonly #known = new Set<string>();

  constructor(private readonly limit: number) {}

  /** Returns the label value for `name`: the name itself, or `other`. */
  valueOf(name: string): string {
    if (this.#known.has(name)) return name;
    if (this.#known.size >= this.limit || !fitsLabel(name)) return otherValue;
    this.#known.add(name);
    return name;
  }
}
