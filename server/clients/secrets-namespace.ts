import type { AuthCollections } from '../auth/collections.js';

/** The characters of a client id that the name of its secrets collection replaces, as in existing databases. */
const replacements: readonly [character: string, replacement: string][] = [
  ['@', '_at_'],
  ['.', '_dot_'],
  ['$', '_dollar_'],
];

/** Returns the secrets namespace of a client id; two ids can have the same namespace. */
export function presentSecretsNamespace(clientId: string): string {
  return replacements.reduce(
    (name, [character, replacement]) => name.replaceAll(character, replacement),
    clientId,
  );
}

/** Returns the name of the collection of a client's secrets, as in existing databases. Only here is an id part of a name. */
export function presentSecretsCollection(clientId: string): string {
  return `secrets.${presentSecretsNamespace(clientId)}`;
}

/** Returns the id of another client with the same secrets namespace, or `undefined`. It reads all clients, so use it for new ids only. */
export async function findClientSharingNamespace(
  { clients }: Pick<AuthCollections, 'clients'>,
  clientId: string,
): Promise<string | undefined> {
  // A pattern over the ids would not work: both `a@at_b` and `a_at@b` have the namespace `a_at_at_b`.
  const presented = replacements.reduce<unknown>(
    (input, [find, replacement]) => ({
      $replaceAll: { input, find: { $literal: find }, replacement: { $literal: replacement } },
    }),
    '$client_id',
  );
  const namespace = { $literal: presentSecretsNamespace(clientId) };
  const filter = { client_id: { $ne: clientId }, $expr: { $eq: [presented, namespace] } };
  const sharer = await clients.findOne(filter, { projection: { client_id: 1 } });
  return sharer?.client_id;
}
