import test from 'ava';
import type { Duty } from '../../server/core/duty.js';
import { releaseDutyLock, takeDutyLock } from '../../server/periodic/duty-lock.js';
import { runDuties } from '../../server/periodic/run-duties.js';
import { waitUntil } from '../support/own-mongod.js';
import { startServer } from '../support/start-server.js';
import { TestClock } from '../support/tokens.js';

test('one process at a time holds a lock: it keeps the lock while it renews it, and loses it otherwise', async (t) => {
  const clock = new TestClock();
  const { deps } = await startServer(t, { clock });
  const take = (holder: string) => takeDutyLock(deps, 'duty', holder, 8000);
  t.deepEqual(await take('one'), clock.now());
  t.is(await take('two'), undefined);
  clock.move(7);
  t.deepEqual(await take('one'), clock.now());
  clock.move(7);
  t.is(await take('two'), undefined);
  t.deepEqual(await takeDutyLock(deps, 'another duty', 'two', 8000), clock.now());
  clock.move(1);
  t.deepEqual(await take('two'), clock.now());
  t.is(await take('one'), undefined);
  await releaseDutyLock(deps.collections.locks, 'duty', 'one');
  t.is(await take('one'), undefined, 'a process cannot release a lock that it does not hold');
  await releaseDutyLock(deps.collections.locks, 'duty', 'two');
  t.deepEqual(await take('one'), clock.now());
});

test('of many concurrent requests for a new lock exactly one succeeds, and its time is that of the database', async (t) => {
  const { deps } = await startServer(t);
  for (const name of ['a', 'b', 'c']) {
    const taken = await Promise.all(
      Array.from({ length: 8 }, (_, n) => takeDutyLock(deps, name, `p${n}`, 8000)),
    );
    const [at, ...others] = taken.filter((one) => one !== undefined);
    t.is(others.length, 0);
    t.true(Math.abs((at?.getTime() ?? 0) - Date.now()) < 60_000);
  }
});

test('a duty runs repeatedly in one of two processes, and in the other when the first stops or fails', async (t) => {
  const first = await startServer(t);
  const second = await startServer(t, { database: first.deps.connection.db.databaseName });
  const runs: string[] = [];
  let isFailing = false;
  const dutyOf = (name: string): Duty<unknown> => ({
    name: 'test_duty',
    everyMs: 20,
    run: () => {
      runs.push(name);
      return isFailing ? Promise.reject(new Error('the duty failed')) : Promise.resolve();
    },
  });
  const one = runDuties(first.deps, [dutyOf('one')]);
  await waitUntil(() => runs.length >= 3);
  const two = runDuties(second.deps, [dutyOf('two')]);
  t.teardown(() => two.stop());
  await waitUntil(() => runs.length >= 8);
  t.deepEqual([...new Set(runs)], ['one']);
  isFailing = true;
  const failed = runs.length + 1;
  await waitUntil(() => runs.length >= failed + 3);
  isFailing = false;
  const errors = first.logged.filter(({ duty }) => duty === 'test_duty');
  t.is(errors.length, 1, 'one log line for repeated failures');
  await one.stop();
  const stopped = runs.length;
  await waitUntil(() => runs.length >= stopped + 3);
  t.deepEqual([...new Set(runs.slice(stopped))], ['two']);
});
