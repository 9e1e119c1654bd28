import test from 'ava';
import { settingRows } from '../../server/areas.js';
import { readPages } from './pages.js';

/** Lists the settings in the table of options. */
function readSettings(text: string): string[] {
  const section = text.split(/^## /m).find((one) => one.startsWith('Options\n')) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) =>
    [...row.matchAll(/`([A-Z][A-Z0-9_]+)(?:=[^`]*)?`/g)].map(([, name = '']) => name),
  );
}

test('deploy-with-juju.md: every setting in the table of options is a setting of the server', (t) => {
  const page = readPages('docs/how-to').find(({ path }) => path.endsWith('deploy-with-juju.md'));
  const named = readSettings(page?.text ?? '');
  t.true(named.length > 15);
  const known = settingRows.map(({ name }) => name);
  t.deepEqual(
    named.filter((name) => !known.includes(name)),
    [],
  );
  const sample = '## Options\n\n| `a` | 1 | `KEEPALIVE`, `PUBLIC_URL` |\n| `b` | | `TRUST_PROXY=1` |\n';
  t.deepEqual(readSettings(sample), ['KEEPALIVE', 'PUBLIC_URL', 'TRUST_PROXY']);
});
