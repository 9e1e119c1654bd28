/** What stands for each masked text, but for the forms that `chooseMark` tells of. */
export const usualMark = '***';

/** Block elements, geometric shapes and what follows, up to the surrogates. */
const otherUnits = { first: 0x2588, end: 0xd800 };

/**
 * What stands for a masked text: `***`, unless a form begins or ends with an asterisk or holds three in a row. Beside or
 * around a mark, such a form could come about by the masking itself; so the mark is then three of another character
 * (`#` or a block) of which the same is true for no form. All forms are then absent from what is written, in whatever
 * pieces it is. (Values that use up all 45,000 characters in this way get asterisks; these tell nothing.)
 */
export function chooseMark(forms: readonly string[]): string {
  if (!forms.some((form) => form.startsWith('*') || form.endsWith('*') || form.includes(usualMark))) {
    return usualMark;
  }
  const taken = new Set<string>();
  for (const form of forms) {
    taken.add(form.charAt(0)).add(form.charAt(form.length - 1));
    for (const [, unit] of form.matchAll(/([^])\1\1/g)) taken.add(unit as string);
  }
  let mark = '#';
  for (let unit = otherUnits.first; taken.has(mark) && unit < otherUnits.end; unit++) {
    mark = String.fromCharCode(unit);
  }
  return (taken.has(mark) ? '*' : mark).repeat(usualMark.length);
}
