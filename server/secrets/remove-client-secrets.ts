import type { AuthServices } from '../auth/services.js';
import { findClientSharingNamespace, presentSecretsCollection } from '../clients/secrets-namespace.js';
import type { Core } from '../core/core.js';
import type { SecretServices } from './services.js';

/**
 * Removes the secrets of a client that is being removed, in MongoDB and in the store that is configured now, so that a later
 * client of its id or secrets namespace reads none of them. In an older database, another client can share the
 * namespace: then those in MongoDB stay until that client is removed too.
 * @throws the store's error; secrets are left then
 */
export async function removeClientSecrets(
  deps: Core & Pick<AuthServices, 'collections'> & Pick<SecretServices, 'secretsStore'>,
  clientId: string,
): Promise<void> {
  if ((await findClientSharingNamespace(deps.collections, clientId)) === undefined) {
    // Not dropped: each process remembers the collections whose indexes it has created.
    await deps.connection.db.collection(presentSecretsCollection(clientId)).deleteMany({});
  }
  await deps.secretsStore?.removeAll?.(clientId);
}
