import { readFileSync } from 'node:fs';
import test from 'ava';

test('the walk-throughs write endless agent tokens and cookies only to the data directory, which Git ignores', (t) => {
  t.true(readFileSync('.gitignore', 'utf8').split('\n').includes('.queuepass/'));
  for (const page of ['README.md', 'docs/tutorial/first-lab.md']) {
    const files = [...readFileSync(page, 'utf8').matchAll(/(?:--out |-[bc] |-d @)(\S+)/g)].map(
      ([, file]) => file,
    );
    t.true(files.length >= 4, page);
    for (const file of files) t.regex(file ?? '', /^\.queuepass\/\w+-1\.(json|cookies)$/, page);
  }
});
