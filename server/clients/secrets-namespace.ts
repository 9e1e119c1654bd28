import type { Collections } from '../db/collections.js';

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

/** Another client with the same secrets namespace, if there is one. */
export async function findNamespaceSharer(
  { clients }: Collections,
  clientId: string,
): Promise<string | undefined> {
  let pattern = presentSecretsNamespace(clientId).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  for (const [character, written] of replacements) {
    pattern = pattern.replaceAll(written, `(?:${written}|\\${character})`);
  }
  const filter = { client_id: { $regex: `^${pattern}$`, $ne: clientId } };
  const sharer = await clients.findOne(filter, { projection: { client_id: 1 } });
  return sharer?.client_id;
}
