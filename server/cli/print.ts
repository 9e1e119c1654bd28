/** Replaces control characters, which would control the terminal, with escapes such as `\u001b`. */
export function presentSafely(text: string): string {
  return text.replaceAll(/[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Prints a line of the result to standard output, for people and programs. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Prints the result as JSON to standard output. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Prints a line for the person at the terminal, which is not part of the result, to standard error. */
export function printToStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
