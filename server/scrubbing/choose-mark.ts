/** The usual replacement for masked text; `chooseMark` describes when another one is used. */
export const defaultMark = '***';

/** UTF-16 code units to choose other marks from: block elements and all that follow, up to the surrogates. */
const fallbackUnits = { first: 0x2588, end: 0xd800 };

/**
 * Chooses the mark, which replaces masked text. The mark is `***`, unless a form begins or ends with an asterisk or
 * contains three in a row: masking itself could create such a form next to a mark. Then the mark is three of another
 * character (`#` or a block element) that no form begins or ends with, or contains three times in a row. So the output
 * contains no form, however it is split into pieces. (If the forms use up all 45,000 characters, the mark is `***`,
 * which reveals nothing.)
 */
export function chooseMark(forms: readonly string[]): string {
  if (!forms.some((form) => form.startsWith('*') || form.endsWith('*') || form.includes(defaultMark))) {
    return defaultMark;
  }
  const taken = new Set<string>();
  for (const form of forms) {
    taken.add(form.charAt(0)).add(form.charAt(form.length - 1));
    for (const [, unit] of form.matchAll(/([^])\1\1/g)) taken.add(unit as string);
  }
  let mark = '#';
  for (let unit = fallbackUnits.first; taken.has(mark) && unit < fallbackUnits.end; unit++) {
    mark = String.fromCharCode(unit);
  }
  return (taken.has(mark) ? '*' : mark).repeat(defaultMark.length);
}
