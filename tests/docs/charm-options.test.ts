import test from 'ava';
import { settingRows } from '../../server/areas.js';
import { readPages } from './pages.js';

/** Lists the settings in the table of options, and whether a star follows each. */
function readStars(text: string): [name: string, isStarred: boolean][] {
  const section = text.split(/^## /m).find((one) => one.startsWith('Options\n')) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) =>
    [...row.matchAll(/`([A-Z][A-Z0-9_]+)(?:=[^`]*)?`( \*)?/g)].map(
      ([, name = '', star]) => [name, star !== undefined] as [string, boolean],
    ),
  );
}

test('deploy-with-juju.md: the settings with a star are exactly those without effect in this version', (t) => {
  const page = readPages('docs/how-to').find(({ path }) => path.endsWith('deploy-with-juju.md'));
  const stars = readStars(page?.text ?? '');
  t.true(stars.length > 15);
  const rows = settingRows;
  t.deepEqual(
    stars,
    stars.map(([name]) => [name, rows.find((row) => row.name === name)?.withoutEffect ?? false]),
  );
  t.deepEqual(
    readStars('## Options\n\n| `a` | 1 | `KEEPALIVE` *, `PUBLIC_URL` |\n| `b` | | `TRUST_PROXY=1` |\n'),
    [
      ['KEEPALIVE', true],
      ['PUBLIC_URL', false],
      ['TRUST_PROXY', false],
    ],
  );
});
