import test from 'ava';
import {
  MongoClient,
  MongoInvalidArgumentError,
  MongoNetworkError,
  MongoServerError,
  MongoWriteConcernError,
} from 'mongodb';
import { classifyDatabaseError, type DatabaseFailure } from '../../server/db/classify-error.js';
import { embeddedMongodUri } from '../../server/mongod/mongod-socket.js';
import { makeFolder } from '../support/own-mongod.js';
import { testMongodbUri } from '../support/start-server.js';

const named = (name: string): Error => Object.assign(new Error('x'), { name });
const ofServer = (code: number): Error => new MongoServerError({ message: 'x', code });
const ofSystem = (code: string, syscall: string): Error => Object.assign(new Error('x'), { code, syscall });

const table: [what: string, error: unknown, failure: DatabaseFailure | undefined][] = [
  ['a lost connection', new MongoNetworkError('x'), 'unavailable'],
  ['a pool without a free connection', named('MongoWaitQueueTimeoutError'), 'unavailable'],
  ['a closed pool', named('MongoPoolClosedError'), 'unavailable'],
  ['a write to a closed connection', ofSystem('EPIPE', 'write'), 'unavailable'],
  ['a name service that does not respond', ofSystem('ETIMEOUT', 'querySrv'), 'unavailable'],
  ['a primary that steps down', ofServer(189), 'unavailable'],
  ['a full disk', ofServer(14031), 'unavailable'],
  ['writes that an operator has blocked', ofServer(371), 'unavailable'],
  ['a user that was dropped', ofServer(18), 'unavailable'],
  ['a user that lost a permission', ofServer(13), 'unavailable'],
  [
    'a write that no majority acknowledged',
    new MongoWriteConcernError({ ok: 1, writeConcernError: { code: 64, errmsg: 'x' } } as never),
    'unavailable',
  ],
  ['a document over 16 MiB', ofServer(10334), 'too_large'],
  [
    'a document over 16 MiB, reported by the driver',
    new MongoInvalidArgumentError('larger than the maximum size'),
    'too_large',
  ],
  ['a duplicate key', ofServer(11000), 'other'],
  ['a command that MongoDB refuses', ofServer(9), 'other'],
  ['a missing file', ofSystem('ENOENT', 'open'), undefined],
  ['an error of our own', new TypeError('x'), undefined],
  ['a thrown value that is not an Error', 'x', undefined],
];
for (const [what, error, failure] of table) {
  test(`${what} is classified as ${failure ?? 'not an error of MongoDB'}`, (t) => {
    t.is(classifyDatabaseError(error), failure);
  });
}

test('errors that the driver itself throws are classified as unavailable: no server, a full pool, a closed client', async (t) => {
  const options = { serverSelectionTimeoutMS: 100, waitQueueTimeoutMS: 100, maxPoolSize: 1 };
  const away = new MongoClient(embeddedMongodUri(makeFolder()), options);
  t.is(classifyDatabaseError(await t.throwsAsync(away.db('x').command({ ping: 1 }))), 'unavailable');
  t.is(classifyDatabaseError(await t.throwsAsync(away.db('x').command({ ping: 1 }))), 'unavailable');
  const client = new MongoClient(testMongodbUri(), { ...options, serverSelectionTimeoutMS: 20_000 });
  await client.connect();
  const slow = client.db('local').collection('startup_log').findOne({ $where: 'sleep(3000) || true' });
  const full = await t.throwsAsync(client.db('admin').command({ ping: 1 }));
  t.is(full.name, 'MongoWaitQueueTimeoutError');
  t.is(classifyDatabaseError(full), 'unavailable');
  await Promise.all([slow.catch(() => undefined), client.close()]);
  t.is(classifyDatabaseError(await t.throwsAsync(client.db('x').command({ ping: 1 }))), 'unavailable');
});
