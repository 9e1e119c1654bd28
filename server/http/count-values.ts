/** Counts the values of a body while it is read. Gets each piece once, in order, and returns the count so far. */
export type ValueCounter = (piece: Uint8Array) => number;

/** Minimum bytes that each value of a body takes: a digit and a comma, or a letter and an ampersand. */
export const minBytesPerValue = 2;

const quote = '"'.charCodeAt(0);
const backslash = '\\'.charCodeAt(0);
const comma = ','.charCodeAt(0);
const space = ' '.charCodeAt(0);
// A bracket and the brace of the same direction differ by this bit only.
const braceBit = 32;
const opening = '{'.charCodeAt(0);
const closing = '}'.charCodeAt(0);

/**
 * Creates a counter of the values of JSON text: the outermost value, and each item and field in it. It checks nothing,
 * so a text that is not JSON has some count too.
 */
export function createJsonCounter(): ValueCounter {
  let count = 1;
  let isInString = false;
  let isEscaped = false;
  let isOpened = false;
  return (piece) => {
    // An index, since a loop over the iterator takes four times as long, and every large body passes here.
    for (let i = 0; i < piece.length; i += 1) {
      const byte = piece[i] as number;
      if (isInString) {
        if (isEscaped) isEscaped = false;
        else if (byte === backslash) isEscaped = true;
        else if (byte === quote) isInString = false;
        continue;
      }
      if (byte <= space) continue;
      // A list or map has one value more than commas, unless it is empty.
      if (isOpened && (byte | braceBit) !== closing) count += 1;
      isOpened = (byte | braceBit) === opening;
      if (byte === comma) count += 1;
      else if (byte === quote) isInString = true;
    }
    return count;
  };
}

/** Creates a counter of the fields of a form. */
export function createFormCounter(): ValueCounter {
  const ampersand = '&'.charCodeAt(0);
  let count = 1;
  return (piece) => {
    for (let at = piece.indexOf(ampersand); at !== -1; at = piece.indexOf(ampersand, at + 1)) count += 1;
    return count;
  };
}
