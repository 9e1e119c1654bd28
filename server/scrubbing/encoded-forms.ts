/**
 * Lists the ways in which JSON encoders write a text inside the quotes: like `JSON.stringify`; with non-ASCII (PHP) or
 * all but printable ASCII (Python) as `\uXXXX`; also with `<`, `>` and `&` as `\uXXXX` (Go); with `/` as `\/` (PHP);
 * and each with lower-case and upper-case hex digits.
 */
export function listJsonForms(text: string): string[] {
  const minimal = JSON.stringify(text).slice(1, -1);
  const ascii = [minimal, escapeUnits(minimal, /[\u0080-\uffff]/g), escapeUnits(minimal, /[^ -~]/g)];
  const escaped = new Set([...ascii, ...ascii.map((form) => escapeUnits(form, /[<>&\u2028\u2029]/g))]);
  const inBothCases = [...escaped].flatMap((form) => [form, upperCaseHexDigits(form)]);
  return inBothCases.flatMap((form) => [form, form.replaceAll('/', '\\/')]);
}

function escapeUnits(text: string, units: RegExp): string {
  return text.replace(units, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function upperCaseHexDigits(escaped: string): string {
  // Matches each backslash together with the next character, so that `\\u00e9`, an escaped backslash, stays unchanged.
  return escaped.replace(/\\(?:u([0-9a-f]{4})|[^])/g, (whole, digits?: string) =>
    digits === undefined ? whole : `\\u${digits.toUpperCase()}`,
  );
}

/** The characters that each kind of percent-encoder escapes. */
const percentEncoded: readonly RegExp[] = [
  /[^\w.~-]/gu, // RFC 3986 section 2.3: Python's `quote_plus`, curl, Go's `QueryEscape`
  /[^\w.~/-]/gu, // Python's `quote`
  /[^\w.!~*'()-]/gu, // `encodeURIComponent`
  /[^\w.!~*'();,/?:@&=+$#-]/gu, // `encodeURI`
  /[^\w.*-]/gu, // `URLSearchParams`, Java's `URLEncoder`
  /[^\w.-]/gu, // PHP's `urlencode`
];

/**
 * Lists the ways in which percent-encoders write a text: hex digits in upper or lower case, a space as `%20` or `+`.
 */
export function listPercentForms(text: string): string[] {
  const upper = [...new Set(percentEncoded.map((units) => text.replace(units, percentEncode)))];
  const lower = upper.map((form) => form.replace(/%../g, (escape) => escape.toLowerCase()));
  return [...upper, ...lower].flatMap((form) => [form, form.replaceAll('%20', '+')]);
}

function percentEncode(character: string): string {
  return Buffer.from(character, 'utf8').toString('hex').toUpperCase().replace(/../g, '%$&');
}

const bitsPerByte = 8;
const bitsPerDigit = 6;

/**
 * Lists the base64 digits (standard and URL-safe) that depend only on the text, for each position that its UTF-8 bytes
 * can have in the encoded bytes: after a multiple of three bytes, one more, or two more. Padding and digits that
 * contain bits of neighbouring bytes are left out. Base64 that is wrapped into lines within the text is not covered.
 */
export function listBase64Forms(text: string): string[] {
  const bytes = Buffer.from(text, 'utf8');
  return [0, 1, 2].flatMap((before) => {
    const first = Math.ceil((before * bitsPerByte) / bitsPerDigit);
    const end = Math.floor(((before + bytes.length) * bitsPerByte) / bitsPerDigit);
    const whole = Buffer.concat([Buffer.alloc(before), bytes]);
    return (['base64', 'base64url'] as const).map((name) => whole.toString(name).slice(first, end));
  });
}

/** Lists the hexadecimal digits of a text's UTF-8 bytes, in lower and in upper case, without anything between them. */
export function listHexForms(text: string): string[] {
  const lower = Buffer.from(text, 'utf8').toString('hex');
  return [lower, lower.toUpperCase()];
}

/** The escapes of bash's `$'...'` that are a letter. */
const ansiLetters: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\x1b': '\\E',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/**
 * Lists the ways in which shells write a text between their quotes, as `set -x` does: each `'` as `'\''`
 * (bash, zsh) or `'"'"'` (BusyBox, Python's `shlex.quote`), and bash's `$'...'`, which it uses for control characters,
 * with non-ASCII bytes as they are or, in the locale C, as `\303\251`. Also without quotes, with a backslash before
 * each special character (bash's `printf %q`, Ruby's `Shellwords`).
 */
export function listShellForms(text: string): string[] {
  const byRun = text.replace(/'+/g, (quotes) => `'"${quotes}"'`);
  const ansi = text
    .replace(/[\\']/g, '\\$&')
    .replace(/[\x00-\x1f\x7f]/g, (c) => ansiLetters[c] ?? toOctal(c));
  return [
    text.replaceAll("'", "'\\''"),
    text.replaceAll("'", `'"'"'`),
    // A quote at the end is followed by nothing.
    text.endsWith("'") ? byRun.slice(0, -1) : byRun,
    ansi,
    ansi.replace(/[^\x00-\x7f]/gu, toOctal),
    text.replace(/[ !"$&'()*,;<>?[\\\]^`{|}]/g, '\\$&'),
    text.replace(/[^\w.,:+/@\x80-\uffff-]/g, '\\$&'),
  ];
}

function toOctal(character: string): string {
  const bytes = [...Buffer.from(character, 'utf8')];
  return bytes.map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
