/** A fenced block of a page: `sh` blocks are typed, `text` blocks are what the one before prints. */
export interface Block {
  language: string;
  /** The word after the language: `start` and `tests` name blocks that are run in their own way. */
  name: string;
  text: string;
}

/** The fenced blocks of a Markdown page, in order. */
export function readBlocks(page: string): Block[] {
  const fences = page.matchAll(/^```(\w+)(?: (\w+))?\n(.*?)^```$/gms);
  return [...fences].map(([, language = '', name = '', text = '']) => ({ language, name, text }));
}

/** Whether a printed text is the one shown, in which `...` stands for anything on its line. */
export function isAsShown(printed: string, shown: string): boolean {
  const escaped = shown.trim().replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('\\.\\.\\.', '.*')}$`).test(printed.trim());
}
