/** A fenced block of a page. `sh` blocks are run, and `text` blocks show the output of the block before. */
export interface Block {
  language: string;
  /** The word after the language. The blocks `start` and `tests` are run separately. */
  name: string;
  /** The text, without the indentation of a list around it. */
  text: string;
  /** The line of its opening fence, counted from 1. */
  line: number;
}

/** Reads the fenced blocks of a Markdown page in order, including those in lists. */
export function readBlocks(page: string): Block[] {
  const fences = page.matchAll(/^( *)```(\w+)(?: (\w+))?\n(.*?)^\1```$/gms);
  return [...fences].map(({ index, 1: indentation = '', 2: language = '', 3: name = '', 4: text = '' }) => ({
    language,
    name,
    text: text.replaceAll(new RegExp(`^${indentation}`, 'gm'), ''),
    line: page.slice(0, index).split('\n').length,
  }));
}

/** Returns whether a printed text matches the shown one, in which `...` matches anything on its line. */
export function isAsShown(printed: string, shown: string): boolean {
  const escaped = shown.trim().replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('\\.\\.\\.', '.*')}$`).test(printed.trim());
}
