const quote = '"'.charCodeAt(0);
const backslash = '\\'.charCodeAt(0);
const minus = '-'.charCodeAt(0);
const zero = '0'.charCodeAt(0);
const nine = '9'.charCodeAt(0);

const plus = '+'.charCodeAt(0);
const comma = ','.charCodeAt(0);
// The two cases of a letter differ by this bit only.
const caseBit = 32;
const exponent = 'e'.charCodeAt(0);

/** Minimum characters of a number that a double may not hold: `1e999`. */
const minLength = '1e999'.length;

/**
 * Replaces numbers of a JSON text, which must be valid. Numbers in strings stay as they are. It reads each character
 * once: regular expressions that skip strings need memory for each character, or look at some characters many times.
 * @param replace returns the new text, or `undefined` to keep the number; numbers of four characters or less are kept
 */
export function replaceNumbers(text: string, replace: (number: string) => string | undefined): string {
  const pieces: string[] = [];
  let kept = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === quote) i = findEndOfString(text, i);
    if (code !== minus && (code < zero || code > nine)) continue;
    const end = findEndOfNumber(text, i);
    const replacement = end - i < minLength ? undefined : replace(text.slice(i, end));
    if (replacement !== undefined) {
      pieces.push(text.slice(kept, i), replacement);
      kept = end;
    }
    i = end - 1;
  }
  return kept === 0 ? text : pieces.join('') + text.slice(kept);
}

/** Returns the place of a string's closing quote. */
function findEndOfString(text: string, start: number): number {
  let i = start + 1;
  for (let code = text.charCodeAt(i); code !== quote && i < text.length; code = text.charCodeAt(i))
    i += code === backslash ? 2 : 1;
  return i;
}

function findEndOfNumber(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length && isInNumber(text.charCodeAt(end))) end += 1;
  return end;
}

/** Returns whether a character continues a number. The codes from `+` to `9` are `+`, `,`, `-`, `.`, `/` and the digits. */
function isInNumber(code: number): boolean {
  return (code >= plus && code <= nine && code !== comma) || (code | caseBit) === exponent;
}
