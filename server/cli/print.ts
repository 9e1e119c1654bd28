/** Control characters, which a terminal would obey, are shown as escapes. */
export function presentSafely(text: string): string {
  return text.replaceAll(/[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Writes a line of the result: standard output, for people and programs. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Writes the result as JSON. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Writes a line for the person at the terminal that is no result: standard error. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
