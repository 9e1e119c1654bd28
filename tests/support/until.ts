import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';

/** Waits until a condition becomes true. Fails the test after `seconds`. */
export async function until(
  t: ExecutionContext,
  condition: () => boolean | Promise<boolean>,
  seconds = 30,
): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await condition())) {
    if (performance.now() > deadline)
      return t.fail(`the condition did not become true within ${seconds} s: ${condition.toString()}`);
    await pause(5);
  }
}
