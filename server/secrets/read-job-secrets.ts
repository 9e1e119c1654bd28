import type { ScrubbingServices } from '../scrubbing/services.js';
import type { SecretServices } from './services.js';
import type { Core } from '../core/core.js';
import { classifyDatabaseError } from '../db/classify-error.js';
import type { JobRecord } from '../job/job-record.js';
import { ApiError } from '../errors/api-error.js';
import { isJsonMap } from '../schema/set-own.js';
import type { GivenSecret } from '../scrubbing/job-masks.js';
import { inTurns } from './in-turns.js';
import { isSecretPath, type SecretPlace, type SecretTaker } from './secrets-store.js';

/** Characters of all secrets of a job. */
const mostCharacters = 256 * 1024;

/**
 * The secrets of a claimed job by their identifiers, or `undefined` for a job that names none; one that is not readable
 * is `""`. They belong to the client id kept with the job. Ephemeral ones vanish by this, each kept for the job before:
 * a further attempt gets them from there. All are kept as what texts of the job must not hold. A path that is named
 * twice is read once.
 * @throws the store's error when it is away: the job can be given back then. A lasting failure is logged and reads `""`.
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
    typeof clientId === 'string' ? await giveSecrets(deps, { jobId, attempt, first, clientId, named }) : [];
  const given = keepWithinBounds(deps, jobId, read);
  if (Object.keys(named).length > 0) await deps.jobMasks.add(jobId, attempt, given);
  const values = new Map<unknown, string>(given.map(({ path, value }) => [path, value]));
  return Object.fromEntries(Object.entries(named).map(([name, path]) => [name, values.get(path) ?? '']));
}

interface Naming {
  jobId: string;
  attempt: number;
  /** The first attempt of the job's present run. */
  first: number;
  clientId: string;
  named: Record<string, unknown>;
}

async function giveSecrets(
  deps: Core & Pick<ScrubbingServices, 'jobMasks'> & Pick<SecretServices, 'secretsStore'>,
  { jobId, attempt, first, clientId, named }: Naming,
): Promise<GivenSecret[]> {
  const given: GivenSecret[] = [];
  const missing: string[] = [];
  const kept = new Set<string>();
  await inTurns(listPaths(named), async (path) => {
    const keep = async (value: string): Promise<void> => {
      await deps.jobMasks.add(jobId, attempt, [{ path, value, ephemeral: true }], false);
      kept.add(path);
    };
    const value = await readOne(deps, { clientId, path }, { jobId, keep });
    if (value === undefined) missing.push(path);
    else given.push({ path, value, ...(kept.has(path) && { ephemeral: true }) });
  });
  return [...given, ...(await findGivenBefore(deps, jobId, { attempt, first }, missing))];
}

/** Ephemeral secrets that an earlier attempt took from the store. */
async function findGivenBefore(
  { jobMasks }: Pick<ScrubbingServices, 'jobMasks'>,
  jobId: string,
  { attempt, first }: Pick<Naming, 'attempt' | 'first'>,
  paths: readonly string[],
): Promise<GivenSecret[]> {
  if (attempt === first || paths.length === 0) return [];
  const before = await jobMasks.findEphemeral(jobId, first);
  return paths.flatMap((path) => {
    const value = before.get(path);
    return value ? [{ path, value, ephemeral: true }] : [];
  });
}

/**
 * Secrets that come to more than a job may have are not readable: each costs every text of the job a search, and they
 * would not fit where they are kept.
 */
function keepWithinBounds({ log }: Core, jobId: string, secrets: readonly GivenSecret[]): GivenSecret[] {
  let left = mostCharacters;
  return secrets.filter(({ path, value }) => {
    left -= value.length;
    if (left >= 0) return true;
    log.error(
      { job_id: jobId, path },
      `a secret was not given: those of a job may have ${mostCharacters} characters`,
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
  taker: SecretTaker,
): Promise<string | undefined> {
  try {
    return await secretsStore?.read(place, clock.now(), taker);
  } catch (error) {
    const isAway =
      error instanceof ApiError ? error.status === 503 : classifyDatabaseError(error) === 'unavailable';
    if (isAway) throw error;
    const cause = error instanceof ApiError ? error.cause : error;
    log.error(
      { err: cause, job_id: taker.jobId, path: place.path },
      'a secret could not be read: the job got none',
    );
    return undefined;
  }
}
