import { classifyDatabaseError } from '../db/classify-error.js';
import type { JobRecord } from '../db/collections.js';
import type { Deps } from '../deps.js';
import { ApiError } from '../http/errors.js';
import { isJsonMap } from '../http/set-own.js';
import { inTurns } from './in-turns.js';
import { isSecretPath } from './secrets-store.js';

/**
 * The secrets of a claimed job by their identifiers, or `undefined` for a job that names none; one that is not readable
 * is `""`. They belong to the client id kept with the job. Ephemeral ones vanish by this, so it is done once per claim;
 * a path that is named twice is read once.
 * @throws the store's error when it is away: the job can be given back then. A lasting failure is logged and reads `""`.
 */
export async function readJobSecrets(
  deps: Deps,
  { job_id: jobId, job_data: data }: JobRecord,
): Promise<Record<string, string> | undefined> {
  const named = isJsonMap(data.test_data) ? data.test_data.secrets : undefined;
  if (!isJsonMap(named)) return undefined;
  const values = new Map<unknown, string>();
  const { client_id: clientId } = data;
  if (typeof clientId === 'string') {
    await inTurns(listPaths(named), async (path) => {
      const value = await readOne(deps, jobId, { clientId, path });
      if (value !== undefined) values.set(path, value);
    });
  }
  return Object.fromEntries(Object.entries(named).map(([name, path]) => [name, values.get(path) ?? '']));
}

function listPaths(named: Record<string, unknown>): string[] {
  const paths = Object.values(named).filter((path) => typeof path === 'string');
  return [...new Set(paths)].filter(isSecretPath);
}

async function readOne(
  { secretsStore, clock, log }: Deps,
  jobId: string,
  place: { clientId: string; path: string },
): Promise<string | undefined> {
  try {
    return await secretsStore?.read(place, clock.now());
  } catch (error) {
    const isAway =
      error instanceof ApiError ? error.status === 503 : classifyDatabaseError(error) === 'unavailable';
    if (isAway) throw error;
    const cause = error instanceof ApiError ? error.cause : error;
    log.error(
      { err: cause, job_id: jobId, path: place.path },
      'a secret could not be read: the job got none',
    );
    return undefined;
  }
}
