import type { Db } from 'mongodb';
import { openCollections } from '../db/collections.js';
import { indexes, standsFor } from '../db/indexes.js';
import type { Finding, Survey } from './finding.js';
import { surveyClients } from './survey-clients.js';
import { surveyFiles } from './survey-files.js';
import { surveyJobs, surveyLogs } from './survey-jobs.js';
import { surveySecrets } from './survey-secrets.js';

const nothing = { changes: [], problems: [], notes: [] };

/** Collections whose documents need a closer look; the others are only counted. */
const surveys: Record<string, Survey> = {
  client_permissions: surveyClients,
  jobs: surveyJobs,
  logs: surveyLogs,
  'fs.files': surveyFiles,
  refresh_tokens: async (db) => {
    const clear = await db
      .collection('refresh_tokens')
      .countDocuments({ refresh_token: { $not: /^sha256:/ } });
    if (clear === 0) return nothing;
    return { ...nothing, notes: [`${clear} are stored in clear, until queuepass migrate --finish`] };
  },
  queue_wait_times: async (db) => {
    const long = await db
      .collection('queue_wait_times')
      .countDocuments({ 'wait_times.1000': { $exists: true } });
    if (long === 0) return nothing;
    return {
      ...nothing,
      changes: [`${long} queues keep their newest 1,000 samples from their next claim on`],
    };
  },
};

/** The collections that a Testflinger database has, besides those of secrets. */
const known = [
  'client_permissions',
  'restricted_queues',
  'refresh_tokens',
  'jobs',
  'logs',
  'fs.files',
  'fs.chunks',
  'agents',
  'queues',
  'queue_wait_times',
  'provision_logs',
];

/** Surveys a database, collection by collection: what is there, what would change, what cannot be read. */
export async function surveyDatabase(db: Db): Promise<Finding[]> {
  const present = (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name);
  const secrets = present.filter((name) => name.startsWith('secrets.')).sort();
  const others = present.filter((name) => !known.includes(name) && !secrets.includes(name)).sort();
  const findings: Finding[] = [];
  for (const collection of [...known, ...secrets, ...others]) {
    const documents = present.includes(collection)
      ? await db.collection(collection).estimatedDocumentCount()
      : 0;
    const surveyed = documents > 0 ? await findSurvey(collection)(db) : nothing;
    const missing = await findMissingIndexes(db, collection);
    const changes = missing.length > 0 ? [`indexes would be made: ${missing.join(', ')}`] : [];
    if (documents === 0 && changes.length === 0) continue;
    findings.push({ collection, documents, ...surveyed, changes: [...surveyed.changes, ...changes] });
  }
  return findings;
}

/** Nothing is known of collections that no Testflinger server makes: they are only counted. */
function findSurvey(collection: string): Survey {
  if (collection.startsWith('secrets.')) return surveySecrets(collection);
  return surveys[collection] ?? (async () => nothing);
}

async function findMissingIndexes(db: Db, collection: string): Promise<string[]> {
  const collections = openCollections(db);
  const rows = indexes.filter((row) => collections[row.collection].collectionName === collection);
  const live = await db
    .collection(collection)
    .indexes()
    .catch(() => []);
  return rows.filter((row) => !live.some((index) => standsFor(row, index))).map((row) => row.name);
}
