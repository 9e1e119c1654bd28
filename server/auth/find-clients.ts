import type { ClientRecord } from '../principal/client-record.js';
import { type AuthCollections, authCollections, type DisabledClient } from './collections.js';

/** A client as `findClient` returns it. */
export interface FoundClient extends ClientRecord {
  /** The client is disabled. Only added to the returned record: records of clients are stored without this field. */
  disabled?: true;
}

/**
 * Makes a batcher's `run` that finds clients by their ids. One command reads the records and which of the clients are
 * disabled, so that a login needs no further read. Callers that ask for the same id get the same object and must not change
 * it.
 */
export function findClientsBatch({
  clients,
}: Pick<AuthCollections, 'clients'>): (
  ids: readonly string[],
) => Promise<readonly (FoundClient | undefined)[]> {
  return async (ids) => {
    const distinct = [...new Set(ids)];
    const condition = distinct.length === 1 ? distinct[0] : { $in: distinct };
    const documents = await clients
      .aggregate<ClientRecord | DisabledClient>(
        [
          { $match: { client_id: condition } },
          {
            $unionWith: { coll: authCollections.disabledClients, pipeline: [{ $match: { _id: condition } }] },
          },
        ],
        // The response then fits into one batch, even if an older database has some duplicates.
        { batchSize: 3 * distinct.length },
      )
      .toArray();
    const found = new Map<string, FoundClient>();
    for (const document of documents) {
      if (isRecord(document)) {
        if (!found.has(document.client_id)) found.set(document.client_id, document);
        continue;
      }
      // MongoDB returns all records before the first of these documents.
      const record = found.get(document._id);
      if (record !== undefined) record.disabled = true;
    }
    return ids.map((id) => found.get(id));
  };
}

function isRecord(document: ClientRecord | DisabledClient): document is ClientRecord {
  return 'client_id' in document;
}
