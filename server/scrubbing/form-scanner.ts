import { FormAutomaton, root } from './form-automaton.js';
import { FormFilter } from './form-filter.js';
import { shortestForm } from './secret-forms.js';

/** A part of a text, by its first place and the one after its last. */
export interface Span {
  start: number;
  end: number;
}

/** What a text holds of the forms. */
export interface Scan {
  /** Where forms stand, in order; those that overlap are one span. */
  spans: readonly Span[];
  /** Characters of the longest end of the text that begins a form and is not all of it. */
  open: number;
}

/** Finds forms in texts: a filter passes over what begins none, the automaton reads the rest. */
export class FormScanner {
  readonly #automaton: FormAutomaton;
  readonly #filter: FormFilter;

  /** @param forms of 4 to 65,535 characters, without repeats */
  constructor(forms: readonly string[]) {
    this.#automaton = new FormAutomaton(forms);
    this.#filter = new FormFilter(forms);
  }

  /** Bytes of memory. */
  get bytes(): number {
    return this.#automaton.bytes + this.#filter.bytes;
  }

  /** Takes time linear in the length of the text. */
  scan(text: string): Scan {
    const automaton = this.#automaton;
    const spans: Span[] = [];
    let from = this.#filter.findNext(text, 0);
    let at = from;
    let state = root;
    const { reach } = this.#filter;
    while (at < text.length) {
      state = automaton.follow(state, text.charCodeAt(at++));
      const length = automaton.matchOf(state);
      if (length > 0) addSpan(spans, at - length, at);
      const depth = automaton.depthOf(state);
      // What begins a form by fewer characters than the filter tests is again for the filter to tell.
      if (depth < shortestForm && at - from >= reach) {
        from = this.#filter.findNext(text, at - depth);
        at = from;
        state = root;
      }
    }
    return { spans, open: automaton.openOf(state) };
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
  // A longer form may reach back over several.
  for (let before = spans.at(-2); before !== undefined && before.end > start; before = spans.at(-2)) {
    spans.splice(-2, 1);
    last.start = Math.min(last.start, before.start);
  }
}
