import { readFileSync } from 'node:fs';
import test from 'ava';
import { readConfig, routes } from '../../server/areas.js';
import { bodyTimes } from '../../server/http/body-time.js';
import { defaultBodyLimit } from '../../server/http/parse-input.js';

const page = readFileSync(new URL('../../docs/reference/compatibility.md', import.meta.url), 'utf8');
const mebibyte = 1024 * 1024;

/** Returns the cells of the one row whose second cell contains a text. */
function findRow(text: string): string[] {
  const rows = page
    .split('\n')
    .map((line) => line.split(' | '))
    .filter(([, ours]) => ours?.includes(text));
  if (rows.length !== 1) throw new Error(`${rows.length} rows with ${text}`);
  return rows[0] as string[];
}

const config = readConfig({ JWT_SIGNING_KEY: 'a signing key for tests, long enough for HS256' });

test('each intended difference that was decided has a row with its reason', (t) => {
  for (const text of ['503 with `Retry-After: 1`', 'added to the job when it is read', 'Digests (SHA-256)']) {
    const row = findRow(text);
    t.is(row.length, 3, text);
    t.true(
      row.every((cell) => cell.length > 10),
      text,
    );
  }
  t.regex(findRow('`BCRYPT_COST`')[1] ?? '', new RegExp(`cost is ${config.bcryptCost} `));
});

test('the limits of the page are those of the code', (t) => {
  const [, ours = ''] = findRow('`MAX_UPLOAD_MIB`');
  t.true(ours.includes(`other JSON bodies ${defaultBodyLimit / mebibyte} MiB`));
  t.true(ours.includes(`uploads ${config.maxUploadMib} MiB`));
  for (const path of ['/v1/job', '/v1/result/{job_id}']) {
    const route = routes.find((declared) => declared.method === 'POST' && declared.path === path);
    t.is(route?.body?.limit, 16 * mebibyte - 1);
    t.true(ours.includes(`\`POST ${path}\``));
  }
  const [, anonymous = ''] = findRow('`ANONYMOUS_UPLOAD_MIB`');
  t.true(anonymous.includes(`${config.anonymousUploadMib} MiB`));
  const [, times = ''] = findRow('A body has ');
  const { baseMs, bytesPerSecond } = bodyTimes;
  t.true(times.includes(`${baseMs / 1000} seconds, then ${bytesPerSecond / 1024} KiB a second`));
});
