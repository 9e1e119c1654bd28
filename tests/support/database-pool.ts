import { randomBytes } from 'node:crypto';
import type { CollectionInfo, MongoClient } from 'mongodb';
import { adoptionTables, indexTable } from '../../server/areas.js';
import type { Connection } from '../../server/core/core.js';

const { collections } = adoptionTables;
/** Removing more documents takes longer than a new database does. */
const maxObjects = 2000;
/** By then, MongoDB has ended the last statements of the server that used the database before. */
const restMs = 1000;
const unjournaled = { writeConcern: { w: 1, journal: false } } as const;

/*
 * MongoDB takes longer to create and drop a server's collections and indexes than most tests take for the rest, and
 * keeps their files open for minutes. Therefore the servers of all test files use databases again.
 */
const listFree = (client: MongoClient) =>
  client.db('test_pool').collection<{ _id: string; at: Date }>('free', unjournaled);

/** Makes the name of a new database. */
export function nameDatabase(): string {
  return `test_${randomBytes(8).toString('hex')}`;
}

/** Takes a database that is as good as new, with empty collections and the server's indexes, if one is free. */
export async function takeDatabase(client: MongoClient): Promise<string | undefined> {
  const rested = { at: { $lt: new Date(Date.now() - restMs) } };
  const free = await listFree(client).findOneAndDelete(rested, { sort: { at: 1 } });
  if (free === null) return undefined;
  const db = client.db(free._id);
  // One after the other: together, each would first open a connection.
  for (const name of collections) await db.collection(name, unjournaled).deleteMany({});
  return free._id;
}

/** Gives a database back. One that a test gave validators, other indexes or many documents is dropped. */
export async function giveDatabase({ client, db }: Connection): Promise<void> {
  const found = (await db.listCollections().toArray()) as CollectionInfo[];
  const isOurs = ({ name }: CollectionInfo) => collections.includes(name);
  for (const { name } of found.filter((one) => !isOurs(one))) await db.dropCollection(name, unjournaled);
  const hasOptions = found.some((one) => isOurs(one) && Object.keys(one.options ?? {}).length > 0);
  const stats = await db.command({ dbStats: 1 });
  // Each collection also has the index on `_id`.
  const hasIndexes = stats.indexes === stats.collections + indexTable.length;
  if (hasOptions || !hasIndexes || stats.objects > maxObjects) await db.dropDatabase();
  else await listFree(client).insertOne({ _id: db.databaseName, at: new Date() });
}
