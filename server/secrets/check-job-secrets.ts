import { checkNotRemoved } from '../auth/check-not-removed.js';
import type { AuthServices } from '../auth/services.js';
import type { Core } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import type { Principal } from '../principal/principal.js';
import { secretErrors } from './errors.js';
import { isSecretPath } from './secrets-store.js';
import type { SecretServices } from './services.js';

/** Maximum number of secret paths in one job. The store looks up each path. */
const maxPaths = 1000;

/**
 * Checks that the submitter of a job can read the secrets that the job names. `secrets` maps identifiers to paths; an
 * empty map is checked too.
 * @throws ApiError 422, in this order: no store, no client id, too many paths, unreadable paths; 401 after the first two for a
 * client that is disabled or was removed: a later client of its id has other secrets
 */
export async function checkJobSecrets(
  deps: Core & Pick<SecretServices, 'secretsStore'> & Pick<AuthServices, 'collections'>,
  caller: Principal,
  secrets: Record<string, string> | undefined,
): Promise<void> {
  if (secrets === undefined) return;
  if (deps.secretsStore === undefined) throw new ApiError(secretErrors.jobWithoutStore);
  if (caller.clientId === undefined) throw new ApiError(secretErrors.jobWithoutClient);
  await checkNotRemoved(deps, caller);
  const paths = [...new Set(Object.values(secrets))];
  if (paths.length > maxPaths) {
    const reasons = { secrets: [`Longer than maximum length ${maxPaths}.`] };
    throw new ApiError(commonErrors.validation, { detail: { json: { test_data: reasons } } });
  }
  const possible = paths.filter(isSecretPath);
  const readable = await deps.secretsStore.findReadable(caller.clientId, possible, deps.clock.now());
  const inaccessible = paths.filter((path) => !readable.has(path)).sort();
  if (inaccessible.length === 0) return;
  throw new ApiError(secretErrors.inaccessible, {
    message: `Inaccessible secret paths: ${inaccessible.join(', ')}`,
  });
}
