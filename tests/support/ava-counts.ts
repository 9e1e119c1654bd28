import { stripVTControlCharacters } from 'node:util';

const passedMark = /^ *[✔√] /gm;
const passedLine = /^ *(\d+) tests? passed\b/m;
const failedLine = /^ *(\d+) (?:tests? failed|hooks? failed|uncaught exceptions?|unhandled rejections?)\b/gm;

/** Counts the passed and failed tests in the output of ava. */
export class AvaCounts {
  #text = '';
  #extra = 0;

  /** Adds the next chunk of ava's output. */
  read(text: string): void {
    this.#text += text;
  }

  /** Counts a failure that ava itself cannot see. */
  addFailure(): void {
    this.#extra += 1;
  }

  /** Returns the totals. A run whose exit code is not 0 has at least one failure. */
  sum(exitCode: number | string): { passed: number; failed: number } {
    const text = stripVTControlCharacters(this.#text);
    // ava prints its summary below its last horizontal rule. Above the rule a test can print anything.
    const summary = text.slice(text.lastIndexOf('─\n') + 1);
    const reported = passedLine.exec(summary)?.[1];
    // When a test fails, ava does not print how many passed.
    const passed = reported === undefined ? [...text.matchAll(passedMark)].length : Number(reported);
    const failures = [...summary.matchAll(failedLine)].map((match) => Number(match[1]));
    const failed = failures.reduce((sum, count) => sum + count, this.#extra);
    return { passed, failed: failed === 0 && exitCode !== 0 ? 1 : failed };
  }
}
