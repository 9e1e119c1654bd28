import test from 'ava';
import type { RawIssue } from '../../server/schema/leaf.js';
import { presentIssues } from '../../server/schema/present-issues.js';

const issue = (path: (string | number)[], message: string): RawIssue =>
  ({ code: 'custom', path, message, input: {} }) as unknown as RawIssue;

test('a field keeps its own reasons together with those of the values inside it, in either order', (t) => {
  const both = { list: { _schema: ['Too few.'], '0': ['Wrong.'] } };
  const own = issue(['list'], 'Too few.');
  const inside = issue(['list', 0], 'Wrong.');
  t.deepEqual(presentIssues([own, inside]), both);
  t.deepEqual(presentIssues([inside, own]), both);
});

test('a field with several reasons lists them all', (t) => {
  t.deepEqual(presentIssues([issue(['a'], 'One.'), issue(['a'], 'Two.')]), { a: ['One.', 'Two.'] });
});

test('a reason for an object as a whole is listed under _schema', (t) => {
  t.deepEqual(presentIssues([issue([], 'Name one of a and b.')]), { _schema: ['Name one of a and b.'] });
});

test('a field with the name of a property of Object.prototype is a field like any other', (t) => {
  const presented = presentIssues([
    issue(['constructor', 'toString'], 'Wrong.'),
    issue(['__proto__', 'x'], 'Wrong.'),
  ]);
  t.is(JSON.stringify(presented), '{"constructor":{"toString":["Wrong."]},"__proto__":{"x":["Wrong."]}}');
  t.is(({} as Record<string, unknown>)['x'], undefined);
});
