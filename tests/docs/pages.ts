import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root directory of the repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

const skippedDirectories = ['node_modules', 'dist', 'build-tests', 'coverage'];

/** A Markdown page with its path in the repository. */
export interface Page {
  path: string;
  text: string;
}

/** Reads every Markdown page of the repository, or of its directory `within`. */
export function readPages(within = ''): Page[] {
  return listFiles(within)
    .filter((path) => path.endsWith('.md'))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

function listFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    // Directories whose name begins with a dot belong to tools.
    if (entry.isDirectory()) {
      return skippedDirectories.includes(entry.name) || entry.name.startsWith('.') ? [] : listFiles(path);
    }
    return [path];
  });
}

/** Removes the fenced blocks of a page. Lines keep their numbers. */
export function dropBlocks(text: string): string {
  return text.replaceAll(/^( *)```.*?^\1```$/gms, (block) => block.replaceAll(/.+/g, ''));
}

/** Lists the inline code of a page, outside fenced blocks. */
export function listSpans(text: string): string[] {
  return [...dropBlocks(text).matchAll(/(`+)(?!`)(.+?)(?<!`)\1(?!`)/g)].map(([, , code = '']) => code.trim());
}
