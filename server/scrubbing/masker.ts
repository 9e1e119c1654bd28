import { chooseMark } from './choose-mark.js';
import { FormScanner, type Span } from './form-scanner.js';
import { listPlainForms, listSecretForms } from './secret-forms.js';

/** The end of a fragment that is held back because a secret may continue in the next one. It can be stored as JSON. */
export interface HeldText {
  /** Shorter than the longest form. */
  text: string;
  /** How many of its first characters are already replaced by a mark in the text before it. */
  covered: number;
}

/** The masked text of a piece of a stream, and the end of the piece that is held back. */
export interface MaskedPiece {
  text: string;
  held: HeldText | undefined;
}

/** Maximum total length of a job's values, shortest first, whose encoded forms are masked too. */
const maxEncodedCharacters = 16_384;

/**
 * Masks the secrets of one job, in all their forms. No text that it returns contains a form, and neither does a stream:
 * the concatenation of its pieces and of the released tail. All other text is returned unchanged.
 *
 * If the values have more than 16,384 characters in total, the longest values are masked only as they are and line by
 * line, but not in their encoded forms.
 */
export class Masker {
  /** The replacement for masked text: `***`, except for unusual secrets (see `chooseMark`). */
  readonly mark: string;
  /** Whether there is nothing to mask. Then every text is returned unchanged, and nothing is held back. */
  readonly isEmpty: boolean;
  readonly #scanner: FormScanner | undefined;

  constructor(values: readonly string[]) {
    const forms = listForms(values);
    this.isEmpty = forms.length === 0;
    this.mark = chooseMark(forms);
    this.#scanner = this.isEmpty ? undefined : new FormScanner(forms);
  }

  /** Memory use in bytes. */
  get bytes(): number {
    return this.#scanner?.bytes ?? 0;
  }

  /** Replaces each form, or run of overlapping forms, with a mark. Returns the same string if it contains no form. */
  mask(text: string): string {
    if (this.#scanner === undefined) return text;
    return this.#write(text, { spans: this.#scanner.scan(text).spans, end: text.length, covered: 0 }).text;
  }

  /**
   * Masks the next piece of a stream. It holds back the longest suffix that is a prefix of a form, but not the whole
   * form. The caller passes the held text to the next call as `carried`, or to `release`.
   */
  maskPiece(piece: string, carried: HeldText | undefined): MaskedPiece {
    const text = carried === undefined ? piece : carried.text + piece;
    const covered = carried?.covered ?? 0;
    const { spans, partialLength } = this.#scanner?.scan(text) ?? { spans: [], partialLength: 0 };
    const end = text.length - partialLength;
    const written = this.#write(text, { spans, end, covered });
    const held = partialLength === 0 ? undefined : { text: text.slice(end), covered: written.covered };
    return { text: written.text, held };
  }

  /** Returns the masked held text, for when no further piece follows. */
  release({ text, covered }: HeldText): string {
    const spans = this.#scanner?.scan(text).spans ?? [];
    return this.#write(text, { spans, end: text.length, covered }).text;
  }

  /**
   * Returns the masked text up to `end`, without the first `covered` characters, and how many characters after `end`
   * the last mark covers.
   */
  #write(text: string, part: { spans: readonly Span[]; end: number; covered: number }): HeldText {
    let written = '';
    let at = part.covered;
    for (const { start, end } of part.spans) {
      // A form in the held text is found again together with the next piece.
      if (start >= part.end) break;
      // A form that overlaps text which is already replaced needs no mark of its own.
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
    const ofValue = length <= maxEncodedCharacters ? listSecretForms(value) : listPlainForms(value);
    for (const form of ofValue) forms.add(form);
  }
  return [...forms];
}
