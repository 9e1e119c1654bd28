import test from 'ava';
import { hasMoreValuesThan, isDeeperThan } from '../../server/schema/body-size.js';

test('the depth of a body counts nested maps and lists, however deep the body is', (t) => {
  t.false(isDeeperThan(5, 0));
  t.true(isDeeperThan({}, 0));
  t.false(isDeeperThan({ a: [1, null] }, 2));
  t.true(isDeeperThan({ a: [1, []] }, 2));
  const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
  t.true(isDeeperThan(deep, 100));
  const hundred = JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`);
  t.false(isDeeperThan(hundred, 100));
  t.true(isDeeperThan(hundred, 99));
});

test('the number of values includes those at every depth, and the body itself', (t) => {
  t.false(hasMoreValuesThan(5, 1));
  t.false(hasMoreValuesThan({ a: [1, null], b: 'x' }, 5));
  t.true(hasMoreValuesThan({ a: [1, null], b: 'x' }, 4));
  t.true(hasMoreValuesThan(Array.from({ length: 1_000_000 }), 10_000));
});
