import type { AuthCollections } from '../auth/collections.js';

/** How a client id is written in the name of its secrets collection, as existing databases have it. */
const replacements: readonly [character: string, written: string][] = [
  ['@', '_at_'],
  ['.', '_dot_'],
  ['$', '_dollar_'],
];

/** The secrets namespace of a client id; two ids can have the same one. */
export function presentSecretsNamespace(clientId: string): string {
  return replacements.reduce((name, [character, written]) => name.replaceAll(character, written), clientId);
}

/** Another client with the same secrets namespace, if there is one. Reads all clients, so it is for new ids only. */
export async function findNamespaceSharer(
  { clients }: Pick<AuthCollections, 'clients'>,
  clientId: string,
): Promise<string | undefined> {
  // Not by a pattern over the ids: in `a_at_at_b` the written forms overlap, and both `a@at_b` and `a_at@b` give it.
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
