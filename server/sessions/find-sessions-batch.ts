import type { AuthCollections, ClientKey } from '../auth/collections.js';
import type { ClientRecord } from '../principal/client-record.js';
import type { Session, SessionCollections } from './collections.js';

/** A session with what decides whether it still holds. */
export interface FoundSession extends Session {
  record?: ClientRecord;
  /** The key that signed in. */
  key?: ClientKey;
  isDisabled: boolean;
}

interface Joined extends Session {
  records: ClientRecord[];
  disabled: object[];
  keys: ClientKey[];
}

type Needs = Pick<SessionCollections, 'sessions'> &
  Pick<AuthCollections, 'clients' | 'clientKeys' | 'disabledClients'>;

/**
 * Makes a batcher's `run` that finds sessions by their digests, each with its client's record, with one query for all: a
 * change of a record, of a key or of a role counts at the next request of its sessions.
 */
export function findSessionsBatch({
  sessions,
  clients,
  clientKeys,
  disabledClients,
}: Needs): (digests: readonly string[]) => Promise<readonly (FoundSession | undefined)[]> {
  const join = (from: string, foreignField: string, as: string, localField = 'client_id') => ({
    $lookup: { from, localField, foreignField, as },
  });
  return async (digests) => {
    const found = await sessions
      .aggregate<Joined>([
        { $match: { _id: { $in: [...new Set(digests)] } } },
        join(clients.collectionName, 'client_id', 'records'),
        join(disabledClients.collectionName, '_id', 'disabled'),
        join(clientKeys.collectionName, 'key_id', 'keys', 'origin.key_id'),
      ])
      .toArray();
    const byDigest = new Map(found.map((joined) => [joined._id, presentFound(joined)]));
    return digests.map((digest) => byDigest.get(digest));
  };
}

function presentFound({ records, disabled, keys, ...session }: Joined): FoundSession {
  const [record] = records;
  const [key] = keys;
  return { ...session, ...(record && { record }), ...(key && { key }), isDisabled: disabled.length > 0 };
}
