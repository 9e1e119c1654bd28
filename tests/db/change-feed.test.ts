import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { ChangeFeed } from '../../server/db/change-feed.js';
import { startServer, testMongodbUri } from '../support/start-server.js';
import { until } from '../support/until.js';

/** Inserts a document after some milliseconds, while the main thread does nothing. */
const inserting = `
  const { workerData } = require('node:worker_threads');
  const { MongoClient } = require('mongodb');
  const client = new MongoClient(workerData.uri);
  client.connect()
    .then(() => new Promise((resolve) => setTimeout(resolve, workerData.afterMs)))
    .then(() => client.db(workerData.database).collection('feed').insertOne({}))
    .then(() => client.close());
`;

test('after a pause of the process a feed is current only once it has reported what changed in the pause', async (t) => {
  const { connection, log } = (await startServer(t)).deps;
  const { db } = connection;
  let changes = 0;
  const feed = new ChangeFeed({
    name: 'feed',
    collection: db.collection('feed') as never,
    pipeline: [],
    log,
    maxLagMs: 1000,
    onChange: () => (changes += 1),
    onGap: () => undefined,
  });
  await feed.acquire();
  await until(t, () => feed.isCurrent);
  const workerData = { uri: testMongodbUri(), database: db.databaseName, afterMs: 1000 };
  const worker = new Worker(inserting, { eval: true, workerData });
  const ended = once(worker, 'exit');
  await once(worker, 'online');
  // MongoDB answers in this time that nothing changed, and the answer waits in the socket.
  const pauseEnds = performance.now() + 2500;
  while (performance.now() < pauseEnds);
  t.false(feed.isCurrent);
  while (!feed.isCurrent) await nextTurn();
  t.is(changes, 1);
  await ended;
  await feed.close();
});
