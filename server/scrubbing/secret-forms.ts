import { listBase64Forms, listJsonForms, listPercentForms } from './encoded-forms.js';

/** Characters (UTF-16 code units) that a value, a line of it, or a form has at least. */
export const shortestForm = 4;

/** Characters that a form has at most; what a masker holds back of a fragment is shorter. */
export const longestForm = 8192;

/**
 * Every form in which a secret is masked: its value and, where it has several lines, each line, as it is and in each
 * encoding of `encoded-forms.ts`. A value of fewer than 4 characters has none; lines of fewer, or of white space alone, add none.
 * A form longer than 8192 characters is given as pieces of that length, which overlap by one character.
 *
 * Not among them: other encodings, two encodings one over the other, hex digits of both cases in one percent-encoded
 * value, base64 wrapped into lines.
 */
export function listSecretForms(value: string): string[] {
  const forms = listParts(value).flatMap((part) => [
    part,
    ...listJsonForms(part),
    ...listPercentForms(part),
    ...listBase64Forms(part),
  ]);
  return listDistinct(forms);
}

/** The forms of a value too long for its encodings: it and each line, as they are. */
export function listPlainForms(value: string): string[] {
  return listDistinct(listParts(value));
}

function listParts(value: string): string[] {
  if (value.length < shortestForm) return [];
  const lines = value.split(/\r\n|\n|\r/);
  if (lines.length === 1) return [value];
  // A blank line is no secret, and to mask it would take the indentation from every log.
  return [value, ...lines.filter((line) => line.length >= shortestForm && /\S/.test(line))];
}

function listDistinct(forms: readonly string[]): string[] {
  return [...new Set(forms.flatMap(cutForm))];
}

function cutForm(form: string): string[] {
  const pieces = [form.slice(0, longestForm)];
  for (let end = longestForm; end < form.length; ) {
    // The last piece is as long as the others: a short one could stand in any text.
    end = Math.min(end + longestForm - 1, form.length);
    pieces.push(form.slice(end - longestForm, end));
  }
  return pieces;
}
