import type { ExecutionContext, TestFn } from 'ava';
import { startServer, type TestServer, type TestServerOptions } from './start-server.js';

/**
 * Starts one server for all tests of a file, if they do not change its state, such as the rows of a rule table.
 * It starts before the tests and stops after them. Its database is dropped if all tests pass.
 */
export function shareServer(test: TestFn, options: TestServerOptions = {}): () => TestServer {
  let server: TestServer | undefined;
  const ends: (() => unknown)[] = [];
  let passed = true;
  const lifetime = {
    get passed() {
      return passed;
    },
    teardown: (end: () => unknown) => void ends.push(end),
  };
  test.before(async () => {
    server = await startServer(lifetime as unknown as ExecutionContext, options);
  });
  test.afterEach.always((t) => {
    passed &&= t.passed;
  });
  test.after.always(async () => {
    for (const end of ends.reverse()) await end();
  });
  return () => {
    if (server === undefined) throw new Error('the shared server starts before the first test');
    return server;
  };
}
