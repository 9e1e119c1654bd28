import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { dropBlocks, listSpans, type Page, root } from './pages.js';

/** The target of a link or image, as the page has it. */
interface Link {
  target: string;
  line: number;
}

/** Lists the links of a page: inline links, images, reference definitions, and HTML links. */
export function listLinks(text: string): Link[] {
  const prose = dropBlocks(text).replaceAll(/`[^`\n]*`/g, (code) => '`'.repeat(code.length));
  const forms = [
    /\]\(\s*<?([^\s)>]+)>?(?:\s+"[^"]*")?\s*\)/g,
    /^ {0,3}\[[^\]]+\]:\s+(\S+)/gm,
    /<(?:a|img)\s[^>]*?(?:href|src)="([^"]*)"/g,
  ];
  const found = forms.flatMap((form) => [...prose.matchAll(form)]);
  return found.map(({ index, 1: target = '' }) => ({
    target,
    line: prose.slice(0, index).split('\n').length,
  }));
}

/** Returns whether a link points to another host. Such links are not followed. */
export function isOutside({ target }: Link): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(target);
}

/** Lists the broken links of a page, each with its line. */
export function findBrokenLinks(page: Page): string[] {
  return listLinks(page.text)
    .filter((link) => !isOutside(link))
    .flatMap((link) => {
      const fault = findFault(page, link.target);
      return fault === undefined ? [] : [`${page.path}:${link.line}: ${link.target} ${fault}`];
    });
}

function findFault(page: Page, target: string): string | undefined {
  const [path = '', anchor] = target.split('#');
  if (path.startsWith('/')) return 'is not relative';
  const file = path === '' ? page.path : normalize(join(dirname(page.path), decodeURIComponent(path)));
  if (file.startsWith('..')) return 'is outside the repository';
  if (file !== page.path && !existsSync(join(root, file))) return 'does not exist';
  if (anchor === undefined) return undefined;
  if (!file.endsWith('.md')) return 'has an anchor but is not a page';
  const text = file === page.path ? page.text : readFileSync(join(root, file), 'utf8');
  return listAnchors(text).includes(anchor) ? undefined : 'is not a heading of that page';
}

/** Lists the files and directories that a page names in code and that do not exist. */
export function findMissingPaths({ path, text }: Page): string[] {
  const named = listSpans(text).filter((span) => /^(?:charm|docs|server|tests)\/[\w./@-]*$/.test(span));
  const isThere = (span: string) =>
    [span, join(dirname(path), span)].some((file) => existsSync(join(root, file)));
  // Tools create hidden directories.
  return named.filter((span) => !span.includes('/.') && !isThere(span)).map((span) => `${path}: ${span}`);
}

/** Lists the anchors that GitHub makes from the headings of a page. A repeated anchor gets a number. */
export function listAnchors(text: string): string[] {
  const seen = new Map<string, number>();
  return [...dropBlocks(text).matchAll(/^ {0,3}#{1,6}\s+(.+?)(?:\s+#+)?\s*$/gm)].map(([, heading = '']) => {
    const slug = makeSlug(heading);
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
}

function makeSlug(heading: string): string {
  const shown = heading.replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll(/[`*]/g, '');
  return shown
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');
}
