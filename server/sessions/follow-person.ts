import type { AuthServices } from '../auth/services.js';
import { findPerson } from '../clients/find-person.js';
import type { ClientRecord } from '../principal/client-record.js';
import type { FoundSession } from './find-sessions-batch.js';
import type { SessionServices } from './services.js';

type Needs = Pick<AuthServices, 'collections'> & Pick<SessionServices, 'collections' | 'findSession'>;

/**
 * Moves the session of a person whose client id has changed to the new one, and returns it: a Testflinger server on the same
 * database sets the client id to the present e-mail address at each login. Returns `undefined` if the person has no record that is
 * as old as the session.
 */
export async function followPerson(
  deps: Needs,
  { _id, client_id, created_at, sub, iss }: FoundSession,
): Promise<FoundSession | undefined> {
  if (sub === undefined || iss === undefined) return undefined;
  const record = await findPerson(deps.collections, { sub, iss });
  // A record that was made later is that of a new beginning: the end of the earlier one ended its sessions.
  if (record === null || record.client_id === client_id || isLater(record, created_at)) return undefined;
  await deps.collections.sessions.updateOne({ _id, client_id }, { $set: { client_id: record.client_id } });
  return deps.findSession(_id);
}

function isLater({ created_at: madeAt }: ClientRecord, sessionAt: Date): boolean {
  return madeAt instanceof Date && madeAt > sessionAt;
}
