/** The initial state: no end of the text so far begins a form. */
export const root = 0;

/**
 * Finds all forms in a text in one pass (Aho and Corasick, Efficient String Matching, CACM 18(6), 1975). A state
 * represents the longest suffix of the text so far that is a prefix of a form. States are numbered in the order in
 * which the sorted forms reach them: a state's first child has the next number, and only the other children need a
 * table. A state takes 10 bytes. The time is linear for all forms and texts.
 */
export class FormAutomaton {
  /** Per state: the code unit that leads to it, its prefix's length, and the longest form that ends there (0: none). */
  readonly #units: Uint16Array;
  readonly #depths: Uint16Array;
  readonly #matches: Uint16Array;
  /** Per state: the state of the longest proper suffix of its prefix that is also a prefix of a form. */
  readonly #fails: Int32Array;
  /** A hash table, with open addressing, of children other than the first, by parent and code unit. */
  readonly #children: Int32Array;
  readonly #parents: Int32Array;

  /** @param forms of 1 to 65,535 characters, without repeats */
  constructor(forms: readonly string[]) {
    const maxStates = forms.reduce((sum, form) => sum + form.length, 1);
    this.#units = new Uint16Array(maxStates);
    this.#depths = new Uint16Array(maxStates);
    this.#matches = new Uint16Array(maxStates);
    this.#fails = new Int32Array(0);
    const slots = 2 ** Math.ceil(Math.log2(2 * forms.length + 2));
    this.#children = new Int32Array(slots);
    this.#parents = new Int32Array(slots);
    const parents = this.#addForms(forms, maxStates);
    const states = parents.length;
    // Copies, so that the memory reserved for shared prefixes is released.
    this.#units = this.#units.slice(0, states);
    this.#depths = this.#depths.slice(0, states);
    this.#matches = this.#matches.slice(0, states);
    this.#fails = new Int32Array(states);
    this.#linkFails(parents);
  }

  /** Memory use in bytes. */
  get bytes(): number {
    return 10 * this.#units.length + 8 * this.#children.length;
  }

  /** Returns the state after one more code unit. */
  follow(state: number, unit: number): number {
    for (let from = state; ; from = this.#fails[from] as number) {
      const child = this.#findChild(from, unit);
      if (child !== root) return child;
      if (from === root) return root;
    }
  }

  /** Returns the length of the longest form that ends in this state, or 0 if none does. */
  matchLengthOf(state: number): number {
    return this.#matches[state] as number;
  }

  /** Returns the length of the longest suffix of the text that is a prefix of a form, or a whole form. */
  depthOf(state: number): number {
    return this.#depths[state] as number;
  }

  /** Returns the length of the longest suffix of the text that is a prefix of a form, but not the whole form. */
  partialLengthOf(state: number): number {
    let open = state;
    while (open !== root && !this.#hasChild(open)) open = this.#fails[open] as number;
    return this.#depths[open] as number;
  }

  #hasChild(state: number): boolean {
    return (this.#depths[state + 1] ?? 0) > (this.#depths[state] as number);
  }

  #findChild(state: number, unit: number): number {
    if (this.#units[state + 1] === unit && this.#hasChild(state)) return state + 1;
    const last = this.#children.length - 1;
    for (let slot = hashChild(state, unit) & last; ; slot = (slot + 1) & last) {
      const child = this.#children[slot] as number;
      if (child === root) return root;
      if (this.#parents[slot] === state && this.#units[child] === unit) return child;
    }
  }

  #addChild(state: number, unit: number, child: number): void {
    const last = this.#children.length - 1;
    let slot = hashChild(state, unit) & last;
    while (this.#children[slot] !== root) slot = (slot + 1) & last;
    this.#children[slot] = child;
    this.#parents[slot] = state;
  }

  /** Adds all forms and returns the parent of each state. */
  #addForms(forms: readonly string[], most: number): Int32Array {
    const parents = new Int32Array(most);
    let states = 1;
    // Sorting puts each form after its own prefixes, and so each state before its children.
    for (const form of [...forms].sort()) {
      let state = root;
      let at = 0;
      for (; at < form.length; at++) {
        const child = this.#findChild(state, form.charCodeAt(at));
        if (child === root) break;
        state = child;
      }
      for (; at < form.length; at++) {
        const unit = form.charCodeAt(at);
        if (state !== states - 1) this.#addChild(state, unit, states);
        this.#units[states] = unit;
        this.#depths[states] = at + 1;
        parents[states] = state;
        state = states++;
      }
      this.#matches[state] = form.length;
    }
    return parents.slice(0, states);
  }

  #linkFails(parents: Int32Array): void {
    for (const state of orderByDepth(this.#depths)) {
      if ((this.#depths[state] as number) < 2) continue;
      const fail = this.follow(this.#fails[parents[state] as number] as number, this.#units[state] as number);
      this.#fails[state] = fail;
      this.#matches[state] ||= this.#matches[fail] as number;
    }
  }
}

function hashChild(state: number, unit: number): number {
  const mixed = Math.imul(state ^ Math.imul(unit, 0x9e37_79b1), 0x85eb_ca6b);
  return mixed ^ (mixed >>> 15);
}

/** Sorts the states by depth, smallest first, with a counting sort. */
function orderByDepth(depths: Uint16Array): Int32Array {
  const deepest = depths.reduce((most, depth) => Math.max(most, depth), 0);
  const starts = new Int32Array(deepest + 2);
  for (const depth of depths) starts[depth + 1] = (starts[depth + 1] as number) + 1;
  for (let depth = 1; depth < starts.length; depth++) {
    starts[depth] = (starts[depth] as number) + (starts[depth - 1] as number);
  }
  const order = new Int32Array(depths.length);
  depths.forEach((depth, state) => {
    const place = starts[depth] as number;
    order[place] = state;
    starts[depth] = place + 1;
  });
  return order;
}
