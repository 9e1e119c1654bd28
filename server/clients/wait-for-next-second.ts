import { setTimeout as wait } from 'node:timers/promises';
import type { AuthServices } from '../auth/services.js';
import type { Core } from '../core/core.js';

/** Waits for the end of the second in which a client of this id was removed: tokens of the two would else have one time. */
export async function waitForNextSecond(
  { collections, clock }: Core & Pick<AuthServices, 'collections'>,
  clientId: string,
): Promise<void> {
  const removed = await collections.removedClients.findOne({ client_id: clientId });
  if (removed === null) return;
  const next = (Math.floor(removed.removed_at.getTime() / 1000) + 1) * 1000;
  const milliseconds = next - clock.now().getTime();
  if (milliseconds > 0) await wait(Math.min(milliseconds, 1000));
}
