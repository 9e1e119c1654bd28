import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

const passedOver = ['node_modules', 'dist', 'coverage'];

/** A Markdown page, by its path in the repository. */
export interface Page {
  path: string;
  text: string;
}

/** Every Markdown page of the repository; `within` is a folder of it. */
export function readPages(within = ''): Page[] {
  return listFiles(within)
    .filter((path) => path.endsWith('.md'))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

function listFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    // Folders that begin with a dot are those of tools and of their data.
    if (entry.isDirectory()) {
      return passedOver.includes(entry.name) || entry.name.startsWith('.') ? [] : listFiles(path);
    }
    return [path];
  });
}

/** A page without its fenced blocks; lines keep their numbers. */
export function dropBlocks(text: string): string {
  return text.replaceAll(/^( *)```.*?^\1```$/gms, (block) => block.replaceAll(/.+/g, ''));
}

/** The texts of inline code, outside of fenced blocks. */
export function listSpans(text: string): string[] {
  return [...dropBlocks(text).matchAll(/(`+)(?!`)(.+?)(?<!`)\1(?!`)/g)].map(([, , code = '']) => code.trim());
}
