import test from 'ava';
import { findBrokenLinks, findMissingPaths, isOutside, listAnchors, listLinks } from './links.js';
import { readPages } from './pages.js';

const pages = readPages();

test('every relative link and image of every page points to a file, and every anchor to a heading', (t) => {
  t.true(pages.length >= 20);
  t.deepEqual(pages.flatMap(findBrokenLinks), []);
  const all = pages.flatMap(({ path, text }) => listLinks(text).map((link) => ({ ...link, path })));
  t.true(all.filter((link) => !isOutside(link)).length > 100);
  for (const { path, line, target } of all.filter(isOutside))
    t.log(`not followed: ${path}:${line} ${target}`);
});

test('every file and directory that a page names in code exists', (t) => {
  t.deepEqual(pages.flatMap(findMissingPaths), []);
  const page = {
    path: 'page.md',
    text: '`server/gone.ts`, `server/app.ts`, `tests/docs/`, `server/`',
  };
  t.deepEqual(findMissingPaths(page), ['page.md: server/gone.ts']);
});

test('every page of docs is listed in its index', (t) => {
  const linked = listLinks(pages.find(({ path }) => path === 'docs/README.md')?.text ?? '');
  const targets = linked.map(({ target }) => `docs/${target}`);
  const unnamed = pages.filter(({ path }) => path.startsWith('docs/') && path !== 'docs/README.md');
  t.deepEqual(
    unnamed.map(({ path }) => path).filter((path) => !targets.includes(path)),
    [],
  );
});

test('a link to a missing file, an unknown anchor, an absolute path and a path outside the repository are each reported', (t) => {
  const text = `# A page
[a](gone.md) [b](reference/config.md#nothing) ![c](none.png) [d](/docs/README.md) [e](../../x.md)
[f](#nowhere) <a href="none.html">g</a> [h](reference/openapi.json#x)
[i]: missing.md

\`[code](none.md)\` [fine](#a-page) [fine](reference/config.md#settings) [out](https://host.example/)

\`\`\`sh
echo '[in](a-block.md)'
\`\`\`
`;
  t.deepEqual(findBrokenLinks({ path: 'docs/page.md', text }).sort(), [
    'docs/page.md:2: ../../x.md is outside the repository',
    'docs/page.md:2: /docs/README.md is not relative',
    'docs/page.md:2: gone.md does not exist',
    'docs/page.md:2: none.png does not exist',
    'docs/page.md:2: reference/config.md#nothing is not a heading of that page',
    'docs/page.md:3: #nowhere is not a heading of that page',
    'docs/page.md:3: none.html does not exist',
    'docs/page.md:3: reference/openapi.json#x has an anchor but is not a page',
    'docs/page.md:4: missing.md does not exist',
  ]);
});

test('anchors have the same names as on GitHub', (t) => {
  const text = `# The \`queuepass\` command
## 1. Look before
## Who is trusted, with what?
## [Linked](x.md) & more
## Under_score – dash
## Äußeres
## Twice
## Twice
`;
  t.deepEqual(listAnchors(text), [
    'the-queuepass-command',
    '1-look-before',
    'who-is-trusted-with-what',
    'linked--more',
    'under_score--dash',
    'äußeres',
    'twice',
    'twice-1',
  ]);
});
