/** Characters of a label value at most. */
const maxLabelLength = 100;

/** What stands for all values that have no series of their own. */
export const otherValue = 'other';

/** Whether a name can be a label value as it is. */
export function fitsLabel(name: string): boolean {
  return name.length <= maxLabelLength;
}

/** Bounds the values of a label that clients choose: the first ones have a series each, all others share one. */
export class BoundedLabel {
  readonly #known = new Set<string>();

  constructor(private readonly limit: number) {}

  /** The label value that stands for `name`. */
  valueOf(name: string): string {
    if (this.#known.has(name)) return name;
    if (this.#known.size >= this.limit || !fitsLabel(name)) return otherValue;
    this.#known.add(name);
    return name;
  }
}
