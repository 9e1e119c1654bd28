import type { AuthServices } from '../auth/services.js';
import type { Core } from '../core/core.js';
import type { ClientRecord } from '../principal/client-record.js';

/**
 * Disables or enables a client. From then on, each server refuses or accepts its logins and refresh tokens.
 * @returns whether the client was disabled before
 */
export async function setDisabled(
  { collections, clock }: Core & Pick<AuthServices, 'collections'>,
  clientId: string,
  disabled: boolean,
): Promise<boolean> {
  const { clients, disabledClients } = collections;
  if (!disabled) {
    const person = await clients.findOne({ client_id: clientId }, { projection: { sub: 1, iss: 1 } });
    const known = presentPerson(person);
    const marks = known.sub === undefined ? { _id: clientId } : { $or: [{ _id: clientId }, known] };
    return (await disabledClients.deleteMany(marks)).deletedCount > 0;
  }
  const person = await clients.findOne({ client_id: clientId }, { projection: { sub: 1, iss: 1 } });
  const { matchedCount } = await disabledClients.updateOne(
    { _id: clientId },
    { $setOnInsert: { disabled_at: clock.now(), ...presentPerson(person) } },
    { upsert: true },
  );
  // If the client was removed in between, a later client with its id must not be disabled.
  if ((await clients.countDocuments({ client_id: clientId })) === 0)
    await disabledClients.deleteOne({ _id: clientId });
  return matchedCount === 1;
}

/** Returns the ids of all disabled clients. */
export async function listDisabledIds({
  collections,
}: Pick<AuthServices, 'collections'>): Promise<ReadonlySet<string>> {
  const disabled = await collections.disabledClients.find({}, { projection: { _id: 1 } }).toArray();
  return new Set(disabled.map(({ _id }) => _id));
}

/** Returns what names a person besides the client id; nothing for other clients. */
function presentPerson(record: Pick<ClientRecord, 'sub' | 'iss'> | null): { sub?: string; iss?: string } {
  if (record?.sub == null) return {};
  return { sub: record.sub, ...(record.iss != null && { iss: record.iss }) };
}
