import { stripVTControlCharacters } from 'node:util';

const passedMark = /^ *[✔√] /gm;
const passedLine = /^ *(\d+) tests? passed\b/m;
const failedLine = /^ *(\d+) (?:tests? failed|hooks? failed|uncaught exceptions?|unhandled rejections?)\b/gm;

/** Reads the counts out of what ava prints. */
export class AvaCounts {
  #text = '';
  #extra = 0;

  /** Takes the next piece of ava's output. */
  read(text: string): void {
    this.#text += text;
  }

  /** Counts a failure that ava does not know of. */
  addFailure(): void {
    this.#extra += 1;
  }

  /** The totals; a run that ended with another status than 0 has at least one failure. */
  sum(exitCode: number | string): { passed: number; failed: number } {
    const text = stripVTControlCharacters(this.#text);
    // Below its last rule ava sums up; above it a test may print anything.
    const summary = text.slice(text.lastIndexOf('─\n') + 1);
    const told = passedLine.exec(summary)?.[1];
    // When anything failed, ava does not say how many passed.
    const passed = told === undefined ? [...text.matchAll(passedMark)].length : Number(told);
    const failures = [...summary.matchAll(failedLine)].map((match) => Number(match[1]));
    const failed = failures.reduce((sum, count) => sum + count, this.#extra);
    return { passed, failed: failed === 0 && exitCode !== 0 ? 1 : failed };
  }
}
