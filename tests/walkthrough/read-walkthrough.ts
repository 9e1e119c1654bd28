/** A fenced block of a page: `sh` blocks are typed, `text` blocks are what the one before prints. */
export interface Block {
  language: string;
  /** The word after the language: `start` and `tests` name blocks that are run in their own way. */
  name: string;
  /** Without the indentation of the list that it stands in. */
  text: string;
  /** Of its first fence, from 1 on. */
  line: number;
}

/** The fenced blocks of a Markdown page, in order, those within lists too. */
export function readBlocks(page: string): Block[] {
  const fences = page.matchAll(/^( *)```(\w+)(?: (\w+))?\n(.*?)^\1```$/gms);
  return [...fences].map(({ index, 1: indentation = '', 2: language = '', 3: name = '', 4: text = '' }) => ({
    language,
    name,
    text: text.replaceAll(new RegExp(`^${indentation}`, 'gm'), ''),
    line: page.slice(0, index).split('\n').length,
  }));
}

/** Whether a printed text is the one shown, in which `...` stands for anything on its line. */
export function isAsShown(printed: string, shown: string): boolean {
  const escaped = shown.trim().replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('\\.\\.\\.', '.*')}$`).test(printed.trim());
}
