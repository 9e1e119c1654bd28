import type { AuthServices } from '../auth/services.js';
import { findClientSharingNamespace, presentSecretsCollection } from '../clients/secrets-namespace.js';
import type { Core } from '../core/core.js';
import { endedStates } from '../job/job-state.js';
import type { JobServices } from '../job/services.js';
import type { SecretServices } from './services.js';

/**
 * Removes the secrets of a client that is being removed, in MongoDB and in the store that is configured now, so that a later
 * client of its id or secrets namespace reads none of them. In an older database, another client can share the
 * namespace: then those in MongoDB stay until that client is removed too. The client's jobs that have not ended get no
 * secrets any more, since those of a later client are not theirs.
 * @throws the store's error; secrets are left then
 */
export async function removeClientSecrets(
  deps: Core &
    Pick<AuthServices, 'collections'> &
    Pick<JobServices, 'collections'> &
    Pick<SecretServices, 'secretsStore'>,
  clientId: string,
): Promise<void> {
  const jobs = {
    'result_data.job_state': { $nin: [...endedStates] },
    'job_data.client_id': clientId,
    'job_data.test_data.secrets': { $exists: true },
  };
  await deps.collections.jobs.updateMany(jobs as object, { $unset: { 'job_data.client_id': '' } });
  if ((await findClientSharingNamespace(deps.collections, clientId)) === undefined) {
    // Not dropped: each process remembers the collections whose indexes it has created.
    await deps.connection.db.collection(presentSecretsCollection(clientId)).deleteMany({});
  }
  await deps.secretsStore?.removeAll?.(clientId);
}
