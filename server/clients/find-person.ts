import type { AuthCollections } from '../auth/collections.js';
import type { ClientRecord } from '../principal/client-record.js';

/** Returns a person's record: that of the issuer, or one of a Testflinger server, which keeps no issuers. */
export async function findPerson(
  { clients }: Pick<AuthCollections, 'clients'>,
  { sub, iss }: { sub: string; iss: string },
): Promise<ClientRecord | null> {
  return (await clients.findOne({ sub, iss })) ?? clients.findOne({ sub, iss: { $exists: false } });
}
