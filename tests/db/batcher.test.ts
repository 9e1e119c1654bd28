import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { MongoServerError } from 'mongodb';
import { Batcher, type BatcherOptions } from '../../server/db/batcher.js';
import { ApiError } from '../../server/errors/api-error.js';

/** A batcher whose commands end when the test ends them, and the items of each command. The item `faulty` gets an error. */
function makeBatcher(options: Partial<BatcherOptions<string, string>> = {}) {
  const commands: { items: readonly string[]; end(): void; fail(error: Error): void }[] = [];
  const batcher = new Batcher<string, string>({
    run: (items) =>
      new Promise((done, fail) => {
        const outcomes = items.map((item) => (item === 'faulty' ? new Error(item) : `${item} done`));
        commands.push({ items, end: () => done(outcomes), fail });
      }),
    ...options,
  });
  return {
    batcher,
    commands,
    sent: () => commands.map(({ items }) => items.join(' ')),
    add: (items: string, bytes?: number) => items.split(' ').map((item) => batcher.add(item, bytes)),
  };
}

async function isRefused(t: ExecutionContext, added: Promise<unknown>): Promise<void> {
  const error = await t.throwsAsync(added, { instanceOf: ApiError });
  t.is(error.status, 503);
  t.is(error.headers['Retry-After'], '1');
}

const outcomesOf = async (added: Promise<string>[]) =>
  (await Promise.allSettled(added)).map((one) =>
    one.status === 'fulfilled' ? one.value : (one.reason as Error).message,
  );

test('the item of a single caller is sent in the next turn of the event loop', async (t) => {
  const { commands, sent, add } = makeBatcher();
  const added = add('a');
  await turn();
  t.deepEqual(sent(), ['a']);
  commands[0]?.end();
  t.deepEqual(await outcomesOf(added), ['a done']);
});

test('items that arrive while a command runs are sent in order as the next command, and each gets its own outcome', async (t) => {
  const { commands, sent, add } = makeBatcher();
  const first = add('a b');
  await turn();
  const second = add('c d');
  await wait(20);
  second.push(...add('e'));
  await turn();
  t.deepEqual(sent(), ['a b']);
  commands[0]?.end();
  t.deepEqual(await outcomesOf(first), ['a done', 'b done']);
  await turn();
  await turn();
  t.deepEqual(sent(), ['a b', 'c d e']);
  commands[1]?.end();
  t.deepEqual(await outcomesOf(second), ['c done', 'd done', 'e done']);
});

test('no caller gets an outcome before the command has ended', async (t) => {
  const { commands, add } = makeBatcher();
  let isDone = false;
  const [a] = add('a').map((added) => added.then(() => (isDone = true)));
  await wait(50);
  t.is(commands.length, 1);
  t.false(isDone);
  commands[0]?.end();
  t.true(await a);
});

test('an error of one item rejects only its caller, and an error of the command rejects all callers', async (t) => {
  const { commands, add } = makeBatcher();
  const first = add('a faulty b');
  await turn();
  const second = add('c d');
  commands[0]?.end();
  t.deepEqual(await outcomesOf(first), ['a done', 'faulty', 'b done']);
  await turn();
  await turn();
  commands[1]?.fail(new MongoServerError({ message: 'not primary', code: 10107 }));
  t.deepEqual(await outcomesOf(second), ['not primary', 'not primary']);
  t.is(commands.length, 2, 'the items are not sent again');
});

test('an item that the driver cannot serialize fails alone', async (t) => {
  const batcher = new Batcher<string, string>({
    run: (items) =>
      items.includes('odd')
        ? Promise.reject(new RangeError('cannot be sent'))
        : Promise.resolve(items.map((item) => `${item} done`)),
  });
  const added = ['a', 'odd', 'b'].map((item) => batcher.add(item));
  t.deepEqual(await outcomesOf(added), ['a done', 'cannot be sent', 'b done']);
});

test('a command stays within its limits of items and bytes; a larger item is sent alone and delays no other item', async (t) => {
  const { commands, sent, add } = makeBatcher({ maxItems: 3, maxBytes: 100 });
  const added = [...add('a b', 40), ...add('c', 30), ...add('d e f g')];
  const huge = add('huge', 101);
  for (let n = 1; n < 5; n += 1) {
    await turn();
    commands[n]?.end();
    await turn();
  }
  t.deepEqual(sent(), ['huge', 'a b', 'c d e', 'f g']);
  t.is((await outcomesOf(added)).length, 7);
  commands[0]?.end();
  t.deepEqual(await outcomesOf(huge), ['huge done']);
});

test('when the maximum number of items waits, a further item gets 503 immediately and the others get their outcomes', async (t) => {
  const { commands, sent, add } = makeBatcher({ maxQueuedItems: 2 });
  const added = add('a');
  await turn();
  added.push(...add('b c'));
  await isRefused(t, add('d')[0] as Promise<string>);
  commands[0]?.end();
  await turn();
  await turn();
  commands[1]?.end();
  t.deepEqual(await outcomesOf(added), ['a done', 'b done', 'c done']);
  t.deepEqual(sent(), ['a', 'b c']);
});

test('a command that gets no response delays only its own callers', async (t) => {
  const { commands, sent, add } = makeBatcher({ slowCommandMs: 500 });
  const silent = add('a');
  await turn();
  const next = add('b');
  await wait(50);
  t.deepEqual(sent(), ['a']);
  await wait(1000);
  t.deepEqual(sent(), ['a', 'b']);
  commands[1]?.end();
  t.deepEqual(await outcomesOf(next), ['b done']);
  commands[0]?.end();
  t.deepEqual(await outcomesOf(silent), ['a done']);
});

test('an item that waited longer than the limit gets 503 and is not sent', async (t) => {
  const { commands, sent, add } = makeBatcher({ maxWaitMs: 1000 });
  void add('a');
  await turn();
  const [late] = add('late');
  await wait(1050);
  const inTime = add('b');
  commands[0]?.end();
  await isRefused(t, late as Promise<string>);
  await turn();
  commands[1]?.end();
  t.deepEqual(await outcomesOf(inTime), ['b done']);
  t.deepEqual(sent(), ['a', 'b']);
});

test('settle waits for the running command and for waiting items', async (t) => {
  const { batcher, commands, add } = makeBatcher();
  await batcher.settle();
  void add('a');
  await turn();
  void add('b');
  let isSettled = false;
  const settled = batcher.settle().then(() => (isSettled = true));
  await wait(20);
  commands[0]?.end();
  await wait(20);
  t.is(commands.length, 2);
  t.false(isSettled);
  commands[1]?.end();
  t.true(await settled);
});

test('for any arrival times, each item runs once and in order, in a command that starts after it arrived, one command at a time', async (t) => {
  const item = fc.record({ pauseMs: fc.constantFrom(0, 0, 0, 1, 3), bytes: fc.integer({ min: 0, max: 60 }) });
  const command = fc.record({ ms: fc.constantFrom(0, 1, 4), fails: fc.boolean() });
  const load = fc.record({
    items: fc.array(item, { maxLength: 40 }),
    commands: fc.array(command, { minLength: 1, maxLength: 8 }),
    maxItems: fc.integer({ min: 1, max: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(load, async ({ items, commands, maxItems }) => {
      const ran: number[] = [];
      const arrived = new Set<number>();
      let running = 0;
      let count = 0;
      const batcher = new Batcher<number, number>({
        maxItems,
        maxBytes: 100,
        async run(batch) {
          const { ms, fails } = commands[count++ % commands.length] as { ms: number; fails: boolean };
          t.is(++running, 1);
          t.true(batch.every((n) => arrived.has(n)));
          t.true(batch.length > 0 && batch.length <= maxItems);
          const bytes = batch.reduce((sum, n) => sum + (items[n]?.bytes ?? 0), 0);
          t.true(bytes <= 100 || batch.length === 1);
          ran.push(...batch);
          await wait(ms);
          running -= 1;
          if (fails) throw new MongoServerError({ message: `${batch.join()}`, code: 1 });
          return batch.map((n) => n * 10);
        },
      });
      const outcomes: Promise<[number, number | string]>[] = [];
      for (const [n, { pauseMs, bytes }] of items.entries()) {
        if (pauseMs > 0) await wait(pauseMs);
        arrived.add(n);
        const added = batcher.add(n, bytes).catch((error: unknown) => (error as Error).message);
        outcomes.push(added.then((outcome) => [n, outcome]));
      }
      for (const [n, outcome] of await Promise.all(outcomes)) {
        if (typeof outcome === 'number') t.is(outcome, n * 10);
        else t.true(outcome.split(',').includes(String(n)));
      }
      t.deepEqual(
        ran,
        items.map((_, n) => n),
      );
      await batcher.settle();
    }),
    { numRuns: 60 },
  );
});

test('when too many bytes wait, a further item gets 503', async (t) => {
  const { commands, add } = makeBatcher({ maxBytes: 100, maxQueuedBytes: 100 });
  void add('a', 1);
  await turn();
  const [b] = add('b', 60);
  const [c] = add('c', 60);
  await isRefused(t, c as Promise<string>);
  const [d] = add('d', 40);
  commands[0]?.end();
  await turn();
  await turn();
  t.is(commands.length, 2);
  const [e] = add('e', 90);
  commands[1]?.end();
  t.deepEqual(await outcomesOf([b, d] as Promise<string>[]), ['b done', 'd done']);
  await turn();
  await turn();
  commands[2]?.end();
  t.is(await e, 'e done');
});
