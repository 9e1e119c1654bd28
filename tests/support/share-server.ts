import type { ExecutionContext, TestFn } from 'ava';
import { startServer, type TestServer, type TestServerOptions } from './start-server.js';

/**
 * Returns what owns the things that all tests of a file share: they end after the tests, and databases are dropped if all tests
 * pass.
 */
export function shareOwner(test: TestFn): ExecutionContext {
  const ends: (() => unknown)[] = [];
  let passed = true;
  test.afterEach.always((t) => {
    passed &&= t.passed;
  });
  test.after.always(async () => {
    for (const end of ends.reverse()) await end();
  });
  const owner = {
    get passed() {
      return passed;
    },
    teardown: (end: () => unknown) => void ends.push(end),
  };
  return owner as unknown as ExecutionContext;
}

/**
 * Starts something for all tests of a file before they run.
 * @param start starts it, in the name of its owner
 * @returns a function that returns it
 */
export function share<T>(test: TestFn, start: (owner: ExecutionContext) => Promise<T>): () => T {
  const owner = shareOwner(test);
  let started: { value: T } | undefined;
  test.before(async () => {
    started = { value: await start(owner) };
  });
  return () => {
    if (started === undefined) throw new Error('what is shared starts before the first test');
    return started.value;
  };
}

/** Starts one server for all tests of a file, if they do not change its state, such as the rows of a rule table. */
export function shareServer(test: TestFn, options: TestServerOptions = {}): () => TestServer {
  return share(test, (owner) => startServer(owner, options));
}
