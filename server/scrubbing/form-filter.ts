import { minFormLength } from './secret-forms.js';

/** Number of characters that one test hashes. */
const testLength = minFormLength;
const maxStride = 8;
/** Size of the bit table per entry; large enough that ordinary text rarely hits a bit by chance. */
const bitsPerEntry = 64;
const minHashBits = 10;
const maxHashBits = 20;

/**
 * Finds the positions of a text where a form may begin. It hashes four characters at every eighth position (more often
 * if a form is shorter than eleven characters), and looks up the hash in a bit table of the hashes near the beginnings
 * of all forms. It skips nearly all ordinary text.
 */
export class FormFilter {
  /** Number of characters to read from a position that `findNext` returned before calling it again. */
  readonly lookahead: number;
  readonly #stride: number;
  readonly #hashShift: number;
  readonly #bits: Int32Array;

  /** @param forms each with 4 characters or more */
  constructor(forms: readonly string[]) {
    const shortest = forms.reduce((least, form) => Math.min(least, form.length), Infinity);
    this.#stride = Math.min(maxStride, shortest - testLength + 1);
    this.lookahead = this.#stride + testLength - 1;
    const wantedHashBits = Math.ceil(Math.log2(forms.length * this.#stride * bitsPerEntry));
    const hashBits = Math.min(Math.max(wantedHashBits, minHashBits), maxHashBits);
    this.#hashShift = 32 - hashBits;
    this.#bits = new Int32Array(2 ** (hashBits - 5));
    for (const form of forms) {
      for (let at = 0; at < this.#stride; at++) {
        const hash = hashAt(form, at) >>> this.#hashShift;
        this.#bits[hash >>> 5] = (this.#bits[hash >>> 5] as number) | (1 << hash);
      }
    }
  }

  /** Memory use in bytes. */
  get bytes(): number {
    return this.#bits.byteLength;
  }

  /**
   * Returns the first position at or after `from` where a form may begin. This is true of every position near the end,
   * because the text may continue in the next piece.
   */
  findNext(text: string, from: number): number {
    const bits = this.#bits;
    const shift = this.#hashShift;
    const stride = this.#stride;
    const last = text.length - testLength;
    let at = from + stride - 1;
    for (; at <= last; at += stride) {
      const hash = hashAt(text, at) >>> shift;
      if ((((bits[hash >>> 5] as number) >>> hash) & 1) !== 0) break;
    }
    return at - stride + 1;
  }
}

/** Hashes four characters to 32 bits; the upper bits are distributed best. */
function hashAt(text: string, at: number): number {
  const units =
    text.charCodeAt(at) ^
    (text.charCodeAt(at + 1) << 7) ^
    (text.charCodeAt(at + 2) << 14) ^
    (text.charCodeAt(at + 3) << 21);
  return Math.imul(units, 0x9e37_79b1);
}
