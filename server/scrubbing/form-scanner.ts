import { FormAutomaton, root } from './form-automaton.js';
import { FormFilter } from './form-filter.js';
import { minFormLength } from './secret-forms.js';

/** A part of a text, from `start` up to but not including `end`. */
export interface Span {
  start: number;
  end: number;
}

/** The forms that were found in a text. */
export interface Scan {
  /** Positions of forms, in order; forms that overlap share one span. */
  spans: readonly Span[];
  /** Length of the longest suffix of the text that is a prefix of a form, but not the whole form. */
  partialLength: number;
}

/** Finds forms in texts: a filter skips positions where no form can begin, and an automaton reads the rest. */
export class FormScanner {
  readonly #automaton: FormAutomaton;
  readonly #filter: FormFilter;

  /** @param forms each with 4 to 65,535 characters, without repeats */
  constructor(forms: readonly string[]) {
    this.#automaton = new FormAutomaton(forms);
    this.#filter = new FormFilter(forms);
  }

  /** Memory use in bytes. */
  get bytes(): number {
    return this.#automaton.bytes + this.#filter.bytes;
  }

  /** Finds all forms in a text, in time linear in its length. */
  scan(text: string): Scan {
    const automaton = this.#automaton;
    const spans: Span[] = [];
    let from = this.#filter.findNext(text, 0);
    let at = from;
    let state = root;
    const { lookahead } = this.#filter;
    while (at < text.length) {
      state = automaton.follow(state, text.charCodeAt(at++));
      const length = automaton.matchLengthOf(state);
      if (length > 0) addSpan(spans, at - length, at);
      const depth = automaton.depthOf(state);
      // A prefix shorter than the filter's test length can be tested by the faster filter again.
      if (depth < minFormLength && at - from >= lookahead) {
        from = this.#filter.findNext(text, at - depth);
        at = from;
        state = root;
      }
    }
    return { spans, partialLength: automaton.partialLengthOf(state) };
  }
}

function addSpan(spans: Span[], start: number, end: number): void {
  const last = spans.at(-1);
  if (last === undefined || last.end <= start) {
    spans.push({ start, end });
    return;
  }
  last.end = end;
  last.start = Math.min(last.start, start);
  // A longer form can overlap several earlier spans.
  for (let before = spans.at(-2); before !== undefined && before.end > start; before = spans.at(-2)) {
    spans.splice(-2, 1);
    last.start = Math.min(last.start, before.start);
  }
}
