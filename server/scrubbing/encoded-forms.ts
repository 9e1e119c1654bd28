/**
 * A text as JSON encoders write it inside the quotes: as `JSON.stringify` does, with all but ASCII (PHP) or but printable
 * ASCII (Python) as `\uXXXX`, with `<`, `>` and `&` so (Go), with `/` as `\/` (PHP), in either hex case.
 */
export function listJsonForms(text: string): string[] {
  const least = JSON.stringify(text).slice(1, -1);
  const ascii = [least, escapeUnits(least, /[\u0080-\uffff]/g), escapeUnits(least, /[^ -~]/g)];
  const escaped = new Set([...ascii, ...ascii.map((form) => escapeUnits(form, /[<>&\u2028\u2029]/g))]);
  const inBothCases = [...escaped].flatMap((form) => [form, raiseHexDigits(form)]);
  return inBothCases.flatMap((form) => [form, form.replaceAll('/', '\\/')]);
}

function escapeUnits(text: string, units: RegExp): string {
  return text.replace(units, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function raiseHexDigits(escaped: string): string {
  // Each backslash takes what follows it along, so that `\\u00e9`, an escaped backslash, stays.
  return escaped.replace(/\\(?:u([0-9a-f]{4})|[^])/g, (whole, digits?: string) =>
    digits === undefined ? whole : `\\u${digits.toUpperCase()}`,
  );
}

/** What each kind of percent-encoder does not leave as it is. */
const percentEncoded: readonly RegExp[] = [
  /[^\w.~-]/gu, // RFC 3986 section 2.3: Python's `quote_plus`, curl, Go's `QueryEscape`
  /[^\w.~/-]/gu, // Python's `quote`
  /[^\w.!~*'()-]/gu, // `encodeURIComponent`
  /[^\w.!~*'();,/?:@&=+$#-]/gu, // `encodeURI`
  /[^\w.*-]/gu, // `URLSearchParams`, Java's `URLEncoder`
  /[^\w.-]/gu, // PHP's `urlencode`
];

/** A text as percent-encoders write its UTF-8 bytes: in upper or in lower hex digits, a space as `%20` or `+`. */
export function listPercentForms(text: string): string[] {
  const upper = [...new Set(percentEncoded.map((units) => text.replace(units, percentEncode)))];
  const lower = upper.map((form) => form.replace(/%../g, (escape) => escape.toLowerCase()));
  return [...upper, ...lower].flatMap((form) => [form, form.replaceAll('%20', '+')]);
}

function percentEncode(character: string): string {
  return Buffer.from(character, 'utf8').toString('hex').toUpperCase().replace(/../g, '%$&');
}

const bitsOfByte = 8;
const bitsOfDigit = 6;

/**
 * The base64 digits (standard and URL-safe) that depend on nothing but the text, wherever its UTF-8 bytes stand in what
 * was encoded: after a multiple of three bytes, one more, or two more. Digits that hold bits of a neighbour, or padding,
 * are left out. Base64 that its encoder wrapped into lines within the text is not among the forms.
 */
export function listBase64Forms(text: string): string[] {
  const bytes = Buffer.from(text, 'utf8');
  return [0, 1, 2].flatMap((before) => {
    const first = Math.ceil((before * bitsOfByte) / bitsOfDigit);
    const end = Math.floor(((before + bytes.length) * bitsOfByte) / bitsOfDigit);
    const whole = Buffer.concat([Buffer.alloc(before), bytes]);
    return (['base64', 'base64url'] as const).map((name) => whole.toString(name).slice(first, end));
  });
}
