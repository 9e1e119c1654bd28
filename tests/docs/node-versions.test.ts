import { readFileSync } from 'node:fs';
import test from 'ava';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

const readme = read('README.md').replaceAll(/\s+/g, ' ');
const inReadme = /walk-through on Node (\d+), (\d+) and (\d+)\./.exec(readme)?.slice(1) ?? [];

test('the README names the Node versions that CI tests, the lowest of which is the lowest that the server supports', (t) => {
  const [, lowest] = /"node": ">=(\d+)\.[\d.]+"/.exec(read('package.json')) ?? [];
  const [, others = ''] = /^versions=\((.+)\)$/m.exec(read('.ci/test-other-nodes')) ?? [];
  t.deepEqual(inReadme, [lowest, ...others.split(' ').map((version) => version.split('.')[0])] as string[]);
  t.true(readme.includes(`CI runs all tests on Node ${lowest},`));
  t.true(readme.includes(`You need Node ${lowest}.`));
});

test('CI tests the Node version of the container', (t) => {
  const inContainer = [...read('Containerfile').matchAll(/^FROM \S+\/node:(\d+)/gm)].map(
    ([, major]) => major,
  );
  t.is(inContainer.length, 2);
  for (const major of inContainer) t.true(inReadme.includes(major as string), major);
});

test('CI runs the tests on the other Node versions', (t) => {
  t.regex(read('.ci/run'), /^\.ci\/test-other-nodes$/m);
});
