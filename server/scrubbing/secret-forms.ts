import {
  listBase64Forms,
  listHexForms,
  listJsonForms,
  listPercentForms,
  listShellForms,
} from './encoded-forms.js';

/** Minimum length of a masked value, line or form, in UTF-16 code units. */
export const minFormLength = 4;

/** Maximum length of a form, in UTF-16 code units. The text that a masker holds back is shorter. */
export const maxFormLength = 8192;

/**
 * Lists every form in which a secret is masked: its value, the value without white space at its ends, and, if it has
 * several lines, each line, all of them as they are and in each encoding of `encoded-forms.ts`. A value with fewer than 4 characters has no forms. Lines with fewer, or with
 * only white space, add none. A form longer than 8192 characters becomes several pieces of that length, which overlap
 * by at least one character.
 *
 * Not covered: other encodings, nested encodings, percent-encoding with hex digits in mixed case, and base64 or
 * hexadecimal digits with line breaks or separators.
 */
export function listSecretForms(value: string): string[] {
  const forms = listParts(value).flatMap((part) => [
    part,
    ...listJsonForms(part),
    ...listPercentForms(part),
    ...listBase64Forms(part),
    ...listHexForms(part),
    ...listShellForms(part),
  ]);
  return listDistinct(forms);
}

/** Lists the forms of a value that is too long to mask its encodings: the value and each line, as they are. */
export function listPlainForms(value: string): string[] {
  return listDistinct(listParts(value));
}

function listParts(value: string): string[] {
  // A shell removes the line break at the end of a value, and many programs remove all outer white space.
  return [...new Set([value, value.trim()])]
    .filter(({ length }) => length >= minFormLength)
    .flatMap(listWithLines);
}

function listWithLines(value: string): string[] {
  const lines = value.split(/\r\n|\n|\r/);
  if (lines.length === 1) return [value];
  // A blank line is not secret, and masking it would remove the indentation from every log.
  return [value, ...lines.filter((line) => line.length >= minFormLength && /\S/.test(line))];
}

function listDistinct(forms: readonly string[]): string[] {
  return [...new Set(forms.flatMap(cutForm))];
}

function cutForm(form: string): string[] {
  const pieces = [form.slice(0, maxFormLength)];
  for (let end = maxFormLength; end < form.length; ) {
    // The last piece is as long as the others, because a short one could occur in any text.
    end = Math.min(end + maxFormLength - 1, form.length);
    pieces.push(form.slice(end - maxFormLength, end));
  }
  return pieces;
}
