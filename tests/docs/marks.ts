import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Block, readBlocks } from '../walkthrough/read-walkthrough.js';
import { dropBlocks, type Page, root } from './pages.js';

/** The file that runs a block, or the reason why no file does. */
type Mark = { runBy: string } | { reason: string };

/** Lists the shell blocks of a page. */
export function listShellBlocks(page: Page): Block[] {
  return readBlocks(page.text).filter(({ language }) =>
    ['sh', 'bash', 'console', 'shell'].includes(language),
  );
}

/** Lists the faults in the marks of a page's shell blocks, each with its line. */
export function findMarkFaults(page: Page): string[] {
  return listShellBlocks(page).flatMap((block) => {
    const fault = findFault(page, block);
    return fault === undefined ? [] : [`${page.path}:${block.line}: ${fault}`];
  });
}

/** Lists lines that Markdown shows as code without a fence. The other checks would miss them. */
export function findIndentedCode({ path, text }: Page): string[] {
  const lines = dropBlocks(text).split('\n');
  return lines.flatMap((line, n) =>
    /^(?: {4,}|\t)\S/.test(line) && lines[n - 1]?.trim() === '' ? [`${path}:${n + 1}`] : [],
  );
}

function findFault(page: Page, block: Block): string | undefined {
  const mark = findMark(page.text, block.line);
  if (mark === undefined) return 'nothing runs this block: mark it "run by: FILE" or "not run here: REASON"';
  if ('reason' in mark) return undefined;
  const file = join(root, mark.runBy);
  if (!existsSync(file)) return `${mark.runBy} does not exist`;
  const source = readFileSync(file, 'utf8');
  if (!source.includes(basename(page.path))) return `${mark.runBy} does not name ${basename(page.path)}`;
  // A test that reads the blocks of its page runs all blocks except those with another name. Other tests contain the
  // block.
  const isRead = source.includes('readBlocks(') && ['', 'start'].includes(block.name);
  if (isRead || flatten(source).includes(flatten(block.text))) return undefined;
  return `${mark.runBy} does not contain this block`;
}

/** Finds the mark of a line: the last one before it in its section, else the one before all sections. */
function findMark(text: string, line: number): Mark | undefined {
  const before = text.split('\n').slice(0, line - 1);
  const section = before.findLastIndex((one) => /^##+ /.test(one));
  const first = before.findIndex((one) => /^##+ /.test(one));
  return readMark(before.slice(Math.max(section, 0))) ?? readMark(before.slice(0, Math.max(first, 0)));
}

function readMark(lines: readonly string[]): Mark | undefined {
  const found = lines.map((line) => /^ *<!-- (run by|not run here): (\S.*\S) -->$/.exec(line));
  const [, kind, text = ''] = found.findLast((match) => match !== null) ?? [];
  if (kind === undefined) return undefined;
  return kind === 'run by' ? { runBy: text } : { reason: text };
}

/** Removes the differences between a page and a string in a test: indentation and escaped backslashes. */
function flatten(text: string): string {
  return text.replaceAll('\\\\', '\\').replaceAll(/\s+/g, ' ').trim();
}
