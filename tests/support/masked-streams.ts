import type { Held, Masker } from '../../server/scrubbing/masker.js';

/** What is stored of a stream: its pieces, and the released tail after the last. What is held passes through JSON. */
export function maskStream(masker: Masker, pieces: readonly string[]): string {
  let stored = '';
  let held: Held | undefined;
  for (const piece of pieces) {
    const masked = masker.maskPiece(piece, held);
    stored += masked.text;
    held = masked.held && JSON.parse(JSON.stringify(masked.held));
  }
  return held === undefined ? stored : stored + masker.release(held);
}

/** The text in pieces that end at the given places. */
export function cutAt(text: string, places: readonly number[]): string[] {
  const ends = [...places].sort((a, b) => a - b);
  return [...ends, text.length].map((end, i) => text.slice(ends[i - 1] ?? 0, end));
}

/**
 * The text with each form masked, by the plainest means: each place is looked at for each form, and places that forms
 * share make them one.
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

/** The longest end of the text that begins one of the forms and is not all of it, by trying each. */
export function findOpenEnd(text: string, forms: readonly string[]): string {
  for (let at = 0; at < text.length; at++) {
    const end = text.slice(at);
    if (forms.some((form) => form.length > end.length && form.startsWith(end))) return end;
  }
  return '';
}
