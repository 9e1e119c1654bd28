import type { Core } from '../core/core.js';
import { classifyDatabaseError } from '../db/classify-error.js';
import { ApiError } from '../errors/api-error.js';
import type { JobRecord } from '../job/job-record.js';
import { isJsonMap } from '../schema/set-own.js';
import type { JobSecret } from '../scrubbing/job-masks.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import { forEachConcurrent } from './for-each-concurrent.js';
import { isSecretPath, type SecretConsumer, type SecretPlace } from './secrets-store.js';
import type { SecretServices } from './services.js';

/** Maximum number of characters of all secrets of a job together. */
const maxCharacters = 256 * 1024;

/**
 * Reads the secrets of a claimed job, by identifier. Returns `undefined` for a job that names none. A secret that
 * cannot be read is `""`. The secrets belong to the client id that is stored with the job. Reading an ephemeral secret
 * removes it from the store; a copy is stored for later attempts at the job before that. All secrets are stored as
 * values to mask in the job's texts. A path that is named twice is read once.
 * @throws the store's error if the store is unavailable; the job can then return to its queue. Any other error of the
 * store is logged, and the secret is `""`.
 */
export async function readJobSecrets(
  deps: Core & Pick<ScrubbingServices, 'jobMasks'> & Pick<SecretServices, 'secretsStore'>,
  job: JobRecord,
): Promise<Record<string, string> | undefined> {
  const { job_id: jobId, job_data: data } = job;
  const named = isJsonMap(data.test_data) ? data.test_data.secrets : undefined;
  if (!isJsonMap(named)) return undefined;
  const attempt = job.lease?.attempt ?? 0;
  const { client_id: clientId } = data;
  const first = job.lease?.first ?? 1;
  const read =
    typeof clientId === 'string'
      ? await readNamedSecrets(deps, { jobId, attempt, first, clientId, named })
      : [];
  const given = limitTotalSize(deps, jobId, read);
  if (Object.keys(named).length > 0) await deps.jobMasks.add(jobId, attempt, given);
  const values = new Map<unknown, string>(given.map(({ path, value }) => [path, value]));
  return Object.fromEntries(Object.entries(named).map(([name, path]) => [name, values.get(path) ?? '']));
}

interface NamedSecrets {
  jobId: string;
  attempt: number;
  /** The first attempt since the job was last submitted. */
  first: number;
  clientId: string;
  named: Record<string, unknown>;
}

async function readNamedSecrets(
  deps: Core & Pick<ScrubbingServices, 'jobMasks'> & Pick<SecretServices, 'secretsStore'>,
  { jobId, attempt, first, clientId, named }: NamedSecrets,
): Promise<JobSecret[]> {
  const given: JobSecret[] = [];
  const missing: string[] = [];
  const kept = new Set<string>();
  await forEachConcurrent(listPaths(named), async (path) => {
    const saveCopy = async (value: string): Promise<void> => {
      await deps.jobMasks.add(jobId, attempt, [{ path, value, ephemeral: true }], false);
      kept.add(path);
    };
    const value = await readOne(deps, { clientId, path }, { jobId, saveCopy });
    if (value === undefined) missing.push(path);
    else given.push({ path, value, ...(kept.has(path) && { ephemeral: true }) });
  });
  return [...given, ...(await findEarlierEphemeral(deps, jobId, { attempt, first }, missing))];
}

/** Finds the ephemeral secrets that an earlier attempt removed from the store. */
async function findEarlierEphemeral(
  { jobMasks }: Pick<ScrubbingServices, 'jobMasks'>,
  jobId: string,
  { attempt, first }: Pick<NamedSecrets, 'attempt' | 'first'>,
  paths: readonly string[],
): Promise<JobSecret[]> {
  if (attempt === first || paths.length === 0) return [];
  const before = await jobMasks.findEphemeral(jobId, first);
  return paths.flatMap((path) => {
    const value = before.get(path);
    return value ? [{ path, value, ephemeral: true }] : [];
  });
}

/**
 * Returns the secrets that fit into the limit of a job, and logs the others. Every text of the job is searched for
 * every secret, and all of them must fit into one document.
 */
function limitTotalSize({ log }: Core, jobId: string, secrets: readonly JobSecret[]): JobSecret[] {
  let left = maxCharacters;
  return secrets.filter(({ path, value }) => {
    left -= value.length;
    if (left >= 0) return true;
    log.error(
      { job_id: jobId, path },
      `a secret was left empty: all secrets of a job together may have ${maxCharacters} characters`,
    );
    return false;
  });
}

function listPaths(named: Record<string, unknown>): string[] {
  const paths = Object.values(named).filter((path) => typeof path === 'string');
  return [...new Set(paths)].filter(isSecretPath);
}

async function readOne(
  { secretsStore, clock, log }: Core & Pick<SecretServices, 'secretsStore'>,
  place: SecretPlace,
  taker: SecretConsumer,
): Promise<string | undefined> {
  try {
    return await secretsStore?.read(place, clock.now(), taker);
  } catch (error) {
    const isUnavailable =
      error instanceof ApiError ? error.status === 503 : classifyDatabaseError(error) === 'unavailable';
    if (isUnavailable) throw error;
    const cause = error instanceof ApiError ? error.cause : error;
    log.error(
      { err: cause, job_id: taker.jobId, path: place.path },
      'a secret could not be read: the job gets an empty one',
    );
    return undefined;
  }
}
