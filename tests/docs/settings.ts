import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { settingRows } from '../../server/areas.js';
import { readBlocks } from '../walkthrough/read-walkthrough.js';
import { listSpans, type Page, root } from './pages.js';

const ofServer = settingRows.flatMap(({ name, secret, otherName }) => [
  name,
  ...(secret ? [`${name}_FILE`] : []),
  ...(otherName === undefined ? [] : [otherName]),
]);

/** The environment variables that the command reads in addition to the settings. */
const ofCommand = readdirSync(join(root, 'server/cli'))
  .map((file) => readFileSync(join(root, 'server/cli', file), 'utf8'))
  .flatMap((source) => [...source.matchAll(/\b(QUEUEPASS_[A-Z_]+)\b/g)])
  .map(([, name = '']) => name);

/** Variables of mongodb-memory-server and of Node, and the placeholders that the pages use for any setting. */
const others = ['MONGOMS_SYSTEM_BINARY', 'NODE_EXTRA_CA_CERTS', 'NAME', 'NAME_FILE'];

const known = new Set([...ofServer, ...ofCommand, ...others]);

/** Lists names that a page sets (`NAME=...`) or mentions, and that are neither a setting nor a variable of the page. */
export function findUnknownSettings({ path, text }: Page): string[] {
  const spans = listSpans(text);
  const code = [...spans, ...readBlocks(text).map((block) => block.text)];
  const set = code.flatMap((one) => [...one.matchAll(/(?<![\w$%{/?&-])([A-Z][A-Z0-9_]*)=/g)]);
  const named = spans.filter((span) => /^(?:[A-Z][A-Z0-9]+_)+[A-Z0-9]+$/.test(span));
  const unknown = [...set.map(([, name = '']) => name), ...named].filter(
    (name) => !known.has(name) && !new RegExp(`(?:\\$\\{?|process\\.env\\.)${name}\\b`).test(text),
  );
  return [...new Set(unknown)].map((name) => `${path}: ${name}`);
}
