/** Maximum number of items that one call processes at the same time. */
const maxConcurrent = 8;

/**
 * Calls `action` for every item, at most 8 at a time.
 * @throws the first error of an action; no further item is started after it
 */
export async function forEachConcurrent<T>(
  items: readonly T[],
  action: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  let hasFailed = false;
  const runWorker = async () => {
    for (let item = waiting.shift(); item !== undefined && !hasFailed; item = waiting.shift()) {
      await action(item).catch((error: unknown) => {
        hasFailed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxConcurrent, items.length) }, runWorker));
}
