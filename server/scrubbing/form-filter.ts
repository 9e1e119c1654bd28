import { shortestForm } from './secret-forms.js';

/** Characters of a text that are tested at once. */
const testedLength = shortestForm;
const widestStride = 8;
/** So many bits for each that is set; few places of ordinary text are then taken for a form by chance. */
const bitsPerEntry = 64;
const fewestHashBits = 10;
const mostHashBits = 20;

/**
 * Tells the places of a text where a form may begin. It tests four characters of every eighth place (of more places where
 * a form is shorter than eleven characters): one bit for each hash of four that stand near the beginning of a form.
 * Nearly all ordinary text is passed over by it alone.
 */
export class FormFilter {
  /** Characters after a place told to be one of a form by which it is sure whether four of a form stand there. */
  readonly reach: number;
  readonly #stride: number;
  readonly #hashShift: number;
  readonly #bits: Int32Array;

  /** @param forms of 4 characters or more */
  constructor(forms: readonly string[]) {
    const shortest = forms.reduce((least, form) => Math.min(least, form.length), Infinity);
    this.#stride = Math.min(widestStride, shortest - testedLength + 1);
    this.reach = this.#stride + testedLength - 1;
    const wanted = Math.ceil(Math.log2(forms.length * this.#stride * bitsPerEntry));
    const hashBits = Math.min(Math.max(wanted, fewestHashBits), mostHashBits);
    this.#hashShift = 32 - hashBits;
    this.#bits = new Int32Array(2 ** (hashBits - 5));
    for (const form of forms) {
      for (let at = 0; at < this.#stride; at++) {
        const hash = hashAt(form, at) >>> this.#hashShift;
        this.#bits[hash >>> 5] = (this.#bits[hash >>> 5] as number) | (1 << hash);
      }
    }
  }

  /** Bytes of memory. */
  get bytes(): number {
    return this.#bits.byteLength;
  }

  /** The first place from `from` on where a form may begin: one near the end always may, as the text may go on. */
  findNext(text: string, from: number): number {
    const bits = this.#bits;
    const shift = this.#hashShift;
    const stride = this.#stride;
    const last = text.length - testedLength;
    let at = from + stride - 1;
    for (; at <= last; at += stride) {
      const hash = hashAt(text, at) >>> shift;
      if ((((bits[hash >>> 5] as number) >>> hash) & 1) !== 0) break;
    }
    return at - stride + 1;
  }
}

/** 32 bits, the upper ones the better. */
function hashAt(text: string, at: number): number {
  const units =
    text.charCodeAt(at) ^
    (text.charCodeAt(at + 1) << 7) ^
    (text.charCodeAt(at + 2) << 14) ^
    (text.charCodeAt(at + 3) << 21);
  return Math.imul(units, 0x9e37_79b1);
}
