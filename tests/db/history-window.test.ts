import test from 'ava';
import { MongoClient } from 'mongodb';
import type { Logger } from 'pino';
import { warnOfHistory } from '../../server/db/history-window.js';
import { startServer, testMongodbUri } from '../support/start-server.js';

test('a start warns of a MongoDB that keeps deleted index entries for long, and of no other', async (t) => {
  const { db, client } = (await startServer(t)).deps.connection;
  const warnings: string[] = [];
  const log = { warn: (_fields: object, text: string) => warnings.push(text) } as unknown as Logger;
  const warnAt = async (seconds: number) => {
    await client.db('admin').command({ setParameter: 1, minSnapshotHistoryWindowInSeconds: seconds });
    await warnOfHistory(db, log);
  };
  try {
    await warnAt(10);
    t.deepEqual(warnings, []);
    await warnAt(300);
    t.regex(warnings.join(), /for 300 s.*--setParameter minSnapshotHistoryWindowInSeconds=0$/);
  } finally {
    await warnAt(0);
  }
  const closed = new MongoClient(testMongodbUri());
  await closed.close();
  await warnOfHistory(closed.db('x'), log);
  t.is(warnings.length, 1);
});
