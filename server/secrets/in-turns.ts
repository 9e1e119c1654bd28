/** Requests to a store that one caller has under way at a time. */
const atOnce = 8;

/** Does the deed for every item, a few at a time. @throws the first failure, after which no further item is begun. */
export async function inTurns<T>(items: readonly T[], deed: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  let failed = false;
  const work = async () => {
    for (let item = waiting.shift(); item !== undefined && !failed; item = waiting.shift()) {
      await deed(item).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, work));
}
