import type { Collection, CreateIndexesOptions, IndexDescriptionInfo, IndexSpecification } from 'mongodb';
import type { Collections } from './collections.js';
import { jobIndexes } from '../job/job-indexes.js';

const day = 24 * 60 * 60;

/** One index: what it is and which query needs it. */
export interface IndexRow {
  collection: keyof Collections;
  name: string;
  keys: Record<string, 1 | -1>;
  options?: Pick<CreateIndexesOptions, 'unique' | 'partialFilterExpression' | 'expireAfterSeconds'>;
  /** The query that it serves, or why documents leave by it. */
  serves: string;
}

/**
 * All indexes. Names begin with `qp_`, so that none meets one of a Testflinger server on the same database.
 * TTLs (`expireAfterSeconds`) are seconds.
 */
export const indexes: readonly IndexRow[] = [
  ...jobIndexes,
  {
    collection: 'clients',
    name: 'qp_client_id',
    keys: { client_id: 1 },
    options: { unique: true },
    serves: 'logins; the list of clients; one record per client',
  },
  {
    collection: 'clients',
    name: 'qp_allowed_queues',
    keys: { allowed_queues: 1 },
    serves: 'the owners of a restricted queue',
  },
  {
    collection: 'clientKeys',
    name: 'qp_key_id',
    keys: { key_id: 1 },
    options: { unique: true },
    serves: 'logins with a server-made key',
  },
  { collection: 'clientKeys', name: 'qp_client_id', keys: { client_id: 1 }, serves: 'the keys of a client' },
  {
    collection: 'clientKeys',
    name: 'qp_expiry',
    keys: { expires_at: 1 },
    options: { expireAfterSeconds: 0 },
    serves: 'keys leave at their expiry',
  },
  {
    collection: 'refreshTokens',
    name: 'qp_refresh_token',
    keys: { refresh_token: 1 },
    serves: 'refresh, revoke',
  },
  {
    collection: 'refreshTokens',
    name: 'qp_client_id',
    keys: { client_id: 1 },
    serves: 'the end of a client',
  },
  {
    collection: 'refreshTokens',
    name: 'qp_idle',
    keys: { last_accessed: 1 },
    options: { expireAfterSeconds: 90 * day },
    serves: 'refresh tokens leave after 90 days without use',
  },
  {
    collection: 'restrictedQueues',
    name: 'qp_queue_name',
    keys: { queue_name: 1 },
    serves: 'each submit; the restrictions that an agent is told',
  },
  {
    collection: 'agents',
    name: 'qp_name',
    keys: { name: 1 },
    options: { unique: true },
    serves: 'every request about one agent',
  },
  { collection: 'agents', name: 'qp_queues', keys: { queues: 1 }, serves: 'the agents of a queue' },
  {
    collection: 'agents',
    name: 'qp_expiry',
    keys: { updated_at: 1 },
    options: { expireAfterSeconds: 7 * day },
    serves: 'agents leave 7 days after their last sign of life',
  },
  {
    collection: 'logs',
    name: 'qp_fragments',
    keys: { job_id: 1, log_type: 1, phase: 1, fragment_number: 1 },
    serves: 'a log by phase, in order; the last number of each phase; clearing the output of a job',
  },
  {
    collection: 'logs',
    name: 'qp_live_piece',
    keys: { job_id: 1, log_type: 1, fragment_number: 1, attempt: 1 },
    options: { unique: true, partialFilterExpression: { live: true } },
    serves:
      'a piece that is sent twice in one attempt is stored once; older databases may hold doubles without the mark',
  },
  {
    collection: 'logs',
    name: 'qp_held',
    keys: { job_id: 1 },
    options: { partialFilterExpression: { held: { $exists: true } } },
    serves: 'pieces of a job of which the end is held back, since it may begin a secret',
  },
  {
    collection: 'jobMasks',
    name: 'qp_job_id',
    keys: { job_id: 1, attempt: 1 },
    options: { unique: true },
    serves: 'the secrets that texts of a job must not hold',
  },
  {
    collection: 'jobMasks',
    name: 'qp_expiry',
    keys: { expire_at: 1 },
    options: { expireAfterSeconds: 0 },
    serves: 'they leave an hour after the end of their job, or 8 days after its claim',
  },
  {
    collection: 'logs',
    name: 'qp_expiry',
    keys: { updated_at: 1 },
    options: { expireAfterSeconds: 7 * day },
    serves: 'logs leave after 7 days',
  },
  ...rowsOfNamed('queues', 'the images of a queue; what agents advertise'),
  {
    collection: 'queues',
    name: 'qp_expiry',
    keys: { updated_at: 1 },
    options: { expireAfterSeconds: 7 * day },
    serves: 'queues leave 7 days after they were advertised last',
  },
  ...rowsOfNamed('queueWaitTimes', 'the wait times of a queue'),
  ...rowsOfNamed('provisionLogs', 'the provision log of an agent'),
  {
    collection: 'files',
    name: 'qp_filename',
    keys: { filename: 1, uploadDate: 1 },
    serves: 'the attachments or the artifact of a job',
  },
  {
    collection: 'files',
    name: 'qp_expiry',
    keys: { uploadDate: 1 },
    options: { expireAfterSeconds: 7 * day },
    serves: 'files leave after 7 days',
  },
  {
    collection: 'fileChunks',
    name: 'qp_chunk',
    keys: { files_id: 1, n: 1 },
    options: { unique: true },
    serves: 'the chunks of a file, in order',
  },
  {
    collection: 'fileChunks',
    name: 'qp_expiry',
    keys: { uploadDate: 1 },
    options: { expireAfterSeconds: 7 * day },
    serves: 'chunks leave after 7 days, those of an upload whose process was killed too',
  },
  {
    collection: 'loginFailures',
    name: 'qp_key',
    keys: { key: 1 },
    options: { unique: true },
    serves: 'counters of failed logins',
  },
  {
    collection: 'loginFailures',
    name: 'qp_expiry',
    keys: { expire: -1 },
    options: { expireAfterSeconds: 0 },
    serves: 'counters leave after their hour',
  },
];

/** Records of a name: found by it, and one of each name made by servers like this one; older doubles stay. */
function rowsOfNamed(collection: 'queues' | 'queueWaitTimes' | 'provisionLogs', serves: string): IndexRow[] {
  return [
    { collection, name: 'qp_name', keys: { name: 1 }, serves },
    {
      collection,
      name: 'qp_live_name',
      keys: { name: 1 },
      options: { unique: true, partialFilterExpression: { live: true } },
      serves: 'one record per name, also when two requests make it at once',
    },
  ];
}

/**
 * Creates the indexes that are not there yet. One of the same keys under another name, such as a Testflinger server's,
 * is used as it is, with the expiry that its operator gave it; none is ever dropped or changed.
 */
export async function ensureIndexes(collections: Collections): Promise<void> {
  const names = [...new Set(indexes.map((row) => row.collection))];
  // One after the other: making them takes long on a slow disk, and a small pool would let the others wait too long.
  for (const name of names) await ensureIndexesOf(name, collections[name] as unknown as Collection);
}

async function ensureIndexesOf(name: keyof Collections, collection: Collection): Promise<void> {
  const present = await collection.indexes().catch(ignoreMissingCollection);
  const missing = indexes.filter(
    (row) => row.collection === name && !present.some((index) => standsFor(row, index)),
  );
  if (missing.length === 0) return;
  await collection.createIndexes(
    missing.map((row) => ({
      name: row.name,
      key: row.keys as IndexSpecification as Record<string, 1 | -1>,
      ...row.options,
    })),
  );
}

/**
 * Whether a live index takes the place of the row's: MongoDB tells two indexes apart by their keys, uniqueness, filter,
 * sparseness and collation, and refuses a second one that differs in its name or expiry only.
 */
export function standsFor({ keys, options }: IndexRow, index: IndexDescriptionInfo): boolean {
  const told = (key: object, unique: boolean | undefined, partial: object | undefined) =>
    JSON.stringify([Object.entries(key), unique === true, partial ?? null]);
  return (
    told(keys, options?.unique, options?.partialFilterExpression) ===
      told(index.key as object, index.unique, index.partialFilterExpression) &&
    index.sparse !== true &&
    index.collation === undefined
  );
}

const namespaceNotFound = 26;

function ignoreMissingCollection(error: { code?: unknown }): IndexDescriptionInfo[] {
  if (error.code === namespaceNotFound) return [];
  throw error;
}
