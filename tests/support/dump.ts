import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BSON, type Document, type MongoClient } from 'mongodb';

/** The number of documents per insert. */
const batch = 1000;

/**
 * Writes databases in the format of `mongodump`: the documents of a collection go to
 * `<folder>/<database>/<collection>.bson`.
 */
export async function dump(client: MongoClient, databases: readonly string[], folder: string): Promise<void> {
  for (const database of databases) {
    const db = client.db(database);
    mkdirSync(join(folder, database), { recursive: true });
    for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray()) {
      const documents = db.collection(name).find({}, { raw: true }) as unknown as AsyncIterable<Uint8Array>;
      const parts: Uint8Array[] = [];
      for await (const bytes of documents) parts.push(Uint8Array.from(bytes));
      writeFileSync(join(folder, database, `${name}.bson`), Buffer.concat(parts));
    }
  }
}

/** Restores such a dump into an empty MongoDB. It creates no indexes, since the files do not contain them. */
export async function restore(client: MongoClient, folder: string): Promise<void> {
  for (const database of readdirSync(folder)) {
    for (const file of readdirSync(join(folder, database))) {
      const documents = readBson(readFileSync(join(folder, database, file)));
      const collection = client.db(database).collection(file.replace(/\.bson$/, ''));
      for (let n = 0; n < documents.length; n += batch)
        await collection.insertMany(documents.slice(n, n + batch), { writeConcern: { w: 'majority' } });
    }
  }
}

/** Splits a file into its documents. Each begins with its length in four bytes. BSON types are preserved. */
function readBson(bytes: Buffer): Document[] {
  const documents: Document[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readInt32LE(at)) {
    const document = bytes.subarray(at, at + bytes.readInt32LE(at));
    documents.push(BSON.deserialize(document, { promoteValues: false, promoteLongs: false }));
  }
  return documents;
}
