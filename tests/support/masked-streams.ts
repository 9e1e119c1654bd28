import type { HeldText, Masker } from '../../server/scrubbing/masker.js';

/**
 * Returns the stored text of a stream: its masked pieces and, at the end, the released text. Held text passes through
 * JSON.
 */
export function maskStream(masker: Masker, pieces: readonly string[]): string {
  let stored = '';
  let held: HeldText | undefined;
  for (const piece of pieces) {
    const masked = masker.maskPiece(piece, held);
    stored += masked.text;
    held = masked.held && JSON.parse(JSON.stringify(masked.held));
  }
  return held === undefined ? stored : stored + masker.release(held);
}

/** Cuts a text into pieces at the given offsets. */
export function cutAt(text: string, places: readonly number[]): string[] {
  const ends = [...places].sort((a, b) => a - b);
  return [...ends, text.length].map((end, i) => text.slice(ends[i - 1] ?? 0, end));
}

/**
 * Masks each form in the text with the simplest algorithm: it looks for each form at each offset, and replaces forms
 * that overlap with one mark.
 */
export function maskNaively(text: string, forms: readonly string[], mark: string): string {
  let masked = '';
  let covered = 0;
  for (let at = 0; at < text.length; at++) {
    const here = forms.filter((form) => text.startsWith(form, at)).map((form) => form.length);
    if (here.length > 0 && at >= covered) masked += mark;
    covered = Math.max(covered, ...here.map((length) => at + length));
    if (at >= covered) masked += text.charAt(at);
  }
  return masked;
}

/** Finds the longest suffix of the text that is a proper prefix of one of the forms, by trying each suffix. */
export function findOpenEnd(text: string, forms: readonly string[]): string {
  for (let at = 0; at < text.length; at++) {
    const end = text.slice(at);
    if (forms.some((form) => form.length > end.length && form.startsWith(end))) return end;
  }
  return '';
}
