import type { ExecutionContext } from 'ava';
import { listRefusals } from './sign-in-world.js';
import type { TestServer } from './start-server.js';

/** Counts the refusals that servers on one database have stored in the audit trail. */
async function countStored(servers: readonly TestServer[]): Promise<number> {
  for (const { deps } of servers) await deps.auditTrail.flush();
  const [first] = servers as [TestServer];
  const stored = await first.deps.collections.auditEvents.find({ outcome: 'refused' }).toArray();
  return stored.reduce((sum, { count = 1 }) => sum + count, 0);
}

/**
 * Runs something that is refused, and checks that it leaves exactly one security event, in the log and in the audit trail.
 * @returns what it returned, and the event of the log
 */
export async function checkOneRefusal<T>(
  t: ExecutionContext,
  servers: readonly TestServer[],
  label: string,
  act: () => Promise<T>,
): Promise<{ result: T; event: Record<string, unknown> }> {
  const logged = () => servers.flatMap(listRefusals).length;
  const before = servers.map((server) => listRefusals(server).length);
  const [loggedBefore, storedBefore] = [logged(), await countStored(servers)];
  const result = await act();
  t.is(logged() - loggedBefore, 1, `${label}: events in the log`);
  t.is((await countStored(servers)) - storedBefore, 1, `${label}: events in the audit trail`);
  const [event = {}] = servers.flatMap((server, n) => listRefusals(server).slice(before[n]));
  return { result, event };
}
