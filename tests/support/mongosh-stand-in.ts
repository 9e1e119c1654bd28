/*
 * A minimal replacement for `mongosh URI --eval SCRIPT`, which would install some 460 packages. It has the few
 * methods of `db` and `rs` that the how-to pages call. Each sends the same MongoDB command as mongosh does.
 */
import { MongoClient } from 'mongodb';

type Document = Record<string, unknown>;

const [uri = '', flag, script = ''] = process.argv.slice(2);
if (flag !== '--eval') throw new Error('mongosh URI --eval SCRIPT');
const client = new MongoClient(uri, { serverSelectionTimeoutMS: 20_000 });
const command = (database: string, document: Document) => client.db(database).command(document);
const getSiblingDB = (name: string) => ({
  getSiblingDB,
  createUser: ({ user, ...fields }: Document) => command(name, { createUser: user, ...fields }),
  dropUser: (user: string) => command(name, { dropUser: user }),
});
const rs = { status: () => command('admin', { replSetGetStatus: 1 }) };
try {
  // The script comes from one of our own how-to pages.
  const run = new Function('db', 'rs', `return ${script}`) as (...names: unknown[]) => Promise<Document>;
  console.log(JSON.stringify(await run(getSiblingDB('test'), rs)));
} finally {
  await client.close();
}
