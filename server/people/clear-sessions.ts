import type { SessionCollections } from '../sessions/collections.js';
import type { PeopleCollections } from './collections.js';

type Needs = Pick<SessionCollections, 'sessions' | 'webKeyChecks'> & PeopleCollections;

/**
 * Ends all sessions, and removes everything else that the present `WEB_SECRET_KEY` sealed, with the value by which servers
 * check that they have the same key: the next server that starts decides which key it is.
 * @returns how many sessions ended
 */
export async function clearSessions({
  sessions,
  webKeyChecks,
  loginAttempts,
  deviceCodes,
}: Needs): Promise<number> {
  const { deletedCount } = await sessions.deleteMany({});
  await loginAttempts.deleteMany({});
  // Those that a Testflinger server stored are plain text, and not sealed with any key.
  await deviceCodes.deleteMany({ device_code: { $type: 'binData' } });
  // Last: if the command is interrupted before, the servers still refuse another key, and the command can run again.
  await webKeyChecks.deleteMany({});
  return deletedCount;
}
