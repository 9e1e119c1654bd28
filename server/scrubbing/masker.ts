import { chooseMark } from './choose-mark.js';
import { FormScanner, type Span } from './form-scanner.js';
import { listPlainForms, listSecretForms } from './secret-forms.js';

/** What was held back of a fragment, as it may begin a secret that goes on in the next. JSON can carry it. */
export interface Held {
  /** Shorter than the longest form. */
  text: string;
  /** How many of its first characters a mark already stands for that was given out before it. */
  covered: number;
}

/** What is given out of a piece of a stream, and what is held back of it. */
export interface MaskedPiece {
  text: string;
  held: Held | undefined;
}

/** Characters of the values of a job, shortest first, up to which they are masked in their encodings too. */
const mostEncoded = 16_384;

/**
 * Masks the secrets of one job, in all their forms. Nothing that it gives out contains a form: no text, and no pieces of
 * one stream one after the other, with the released tail after the last. All else is given out as it came.
 *
 * Of values that come to more than 16,384 characters in all, the longest are masked as they are and line by line only.
 */
export class Masker {
  /** What stands for each masked text: `***` but for odd secrets (see `chooseMark`). */
  readonly mark: string;
  /** Whether there is nothing to mask: all goes through, and nothing is held back. */
  readonly isEmpty: boolean;
  readonly #scanner: FormScanner | undefined;

  constructor(values: readonly string[]) {
    const forms = listForms(values);
    this.isEmpty = forms.length === 0;
    this.mark = chooseMark(forms);
    this.#scanner = this.isEmpty ? undefined : new FormScanner(forms);
  }

  /** Bytes of memory. */
  get bytes(): number {
    return this.#scanner?.bytes ?? 0;
  }

  /** The text with a mark for each form, and one for forms that overlap; without a form the very text. */
  mask(text: string): string {
    if (this.#scanner === undefined) return text;
    return this.#write(text, { spans: this.#scanner.scan(text).spans, end: text.length, covered: 0 }).text;
  }

  /**
   * Masks the next piece of a stream. Its longest end that begins a form and is not all of it is held back, to be
   * carried to the next piece, or released.
   */
  maskPiece(piece: string, carried: Held | undefined): MaskedPiece {
    const text = carried === undefined ? piece : carried.text + piece;
    const covered = carried?.covered ?? 0;
    const { spans, open } = this.#scanner?.scan(text) ?? { spans: [], open: 0 };
    const end = text.length - open;
    const written = this.#write(text, { spans, end, covered });
    const held = open === 0 ? undefined : { text: text.slice(end), covered: written.covered };
    return { text: written.text, held };
  }

  /** What of the held text is given out when no piece follows. */
  release({ text, covered }: Held): string {
    const spans = this.#scanner?.scan(text).spans ?? [];
    return this.#write(text, { spans, end: text.length, covered }).text;
  }

  /** The text up to `end`, without its covered beginning; and how many of the characters after it are covered. */
  #write(text: string, part: { spans: readonly Span[]; end: number; covered: number }): Held {
    let written = '';
    let at = part.covered;
    for (const { start, end } of part.spans) {
      // What is held back is found again with what follows it.
      if (start >= part.end) break;
      // A form that overlaps a mark given out before shares it.
      if (start >= part.covered) written += text.slice(at, start) + this.mark;
      at = Math.max(at, end);
    }
    if (at === 0 && part.end === text.length) return { text, covered: 0 };
    return { text: written + text.slice(at, part.end), covered: Math.max(0, at - part.end) };
  }
}

function listForms(values: readonly string[]): string[] {
  const forms = new Set<string>();
  let length = 0;
  for (const value of [...values].sort((a, b) => a.length - b.length)) {
    length += value.length;
    const ofValue = length <= mostEncoded ? listSecretForms(value) : listPlainForms(value);
    for (const form of ofValue) forms.add(form);
  }
  return [...forms];
}
