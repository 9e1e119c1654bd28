import { createHash, randomUUID } from 'node:crypto';
import { hashSync } from 'bcryptjs';
import { Binary, type Db, ObjectId } from 'mongodb';

/** The credentials and job ids of the database that a test built. */
export interface PeerDatabase {
  clientSecret: string;
  refreshToken: string;
  waitingId: string;
  runningId: string;
  completeId: string;
  /** A job that was submitted twice: the older document is complete, the newer one waits. */
  doubleId: string;
}

const minute = 60_000;

/**
 * Fills a database with documents in the format of a Testflinger server, at least one per collection, and creates that
 * server's indexes.
 */
export async function buildPeerDatabase(db: Db): Promise<PeerDatabase> {
  const ids = {
    waitingId: randomUUID(),
    runningId: randomUUID(),
    completeId: randomUUID(),
    doubleId: randomUUID(),
  };
  const clientSecret = 'a secret of the lab, long enough';
  const refreshToken = 'Zm9yIGFuIGFnZW50LCBzdG9yZWQgaW4gY2xlYXIgYnkgdGhlIHBlZXI';
  await storeClients(db, clientSecret, refreshToken);
  await storeJobs(db, ids);
  await storeOutput(db, ids.completeId);
  await storeAgents(db, ids.runningId);
  await makePeerIndexes(db);
  return { ...ids, clientSecret, refreshToken };
}

async function storeClients(db: Db, secret: string, refreshToken: string): Promise<void> {
  const record = (id: string, more: object) => ({
    client_id: id,
    client_secret_hash: hashSync(secret, 4),
    max_priority: { '*': 1, 'lab.queue': 100 },
    allowed_queues: [],
    max_reservation_time: { '*': 86_400 },
    role: 'contributor',
    ...more,
  });
  await db.collection('client_permissions').insertMany([
    record('lab-ci', { allowed_queues: ['guarded'] }),
    record('manager@example.com', { role: 'manager', email: 'manager@example.com' }),
    record('manager_at_example.com', {}),
    record('the-agents', { role: 'agent' }),
    {
      client_id: 'oidc-person',
      sub: 'subject-1',
      role: 'contributor',
      max_priority: {},
      last_login: new Date(),
    },
  ]);
  await db.collection('restricted_queues').insertOne({ queue_name: 'guarded' });
  const now = Date.now();
  await db.collection('refresh_tokens').insertMany([
    {
      client_id: 'the-agents',
      refresh_token: refreshToken,
      issued_at: new Date(now - minute),
      last_accessed: new Date(now - minute),
      revoked: false,
    },
    {
      client_id: 'lab-ci',
      refresh_token: 'old',
      issued_at: new Date(now),
      expires_at: new Date(now - minute),
    },
  ]);
}

async function storeJobs(
  db: Db,
  ids: Pick<PeerDatabase, 'waitingId' | 'runningId' | 'completeId' | 'doubleId'>,
) {
  const now = Date.now();
  const job = (jobId: string, state: string, minutesAgo: number, more: object = {}) => ({
    created_at: new Date(now - minutesAgo * minute),
    result_data: { job_state: state },
    job_id: jobId,
    job_priority: 0,
    job_data: {
      job_queue: 'lab.queue',
      provision_data: { url: 'http://images.example/1', 'dotted.key': { $dollar: 1 } },
      test_data: { test_cmds: 'true' },
      exclude_agents: [],
    },
    ...more,
  });
  await db.collection('jobs').insertMany([
    job(ids.waitingId, 'waiting', 5),
    job(ids.runningId, 'test', 30, { started_at: new Date(now - 29 * minute) }),
    job(ids.completeId, 'complete', 60, {
      started_at: new Date(now - 59 * minute),
      result_data: { job_state: 'complete', status: { test: 0 }, device_info: { 'a.b': 1 } },
    }),
    job(ids.doubleId, 'complete', 90),
    job(ids.doubleId, 'waiting', 1),
  ]);
}

async function storeOutput(db: Db, jobId: string): Promise<void> {
  const fragment = (number: number, text: string) => ({
    job_id: jobId,
    log_type: 'output',
    phase: 'test',
    fragment_number: number,
    timestamp: new Date(),
    log_data: text,
    updated_at: new Date(),
  });
  const fragments = [fragment(0, 'first\n'), fragment(1, 'second\n'), fragment(1, 'second\n')];
  await db.collection('logs').insertMany(fragments);
  const fileId = new ObjectId();
  const content = Buffer.from('an artifact of the peer');
  await db.collection('fs.files').insertOne({
    _id: fileId,
    filename: `${jobId}.artifact`,
    chunkSize: 261_120,
    length: content.length,
    uploadDate: new Date(),
    md5: createHash('md5').update(content).digest('hex'),
  });
  await db.collection('fs.chunks').insertOne({ files_id: fileId, n: 0, data: new Binary(content) });
}

async function storeAgents(db: Db, runningId: string): Promise<void> {
  await db.collection('agents').insertOne({
    name: 'agent-of-the-peer',
    state: 'test',
    queues: ['lab.queue', 'guarded'],
    location: 'lab',
    provision_type: 'cm3',
    job_id: runningId,
    log: ['a line'],
    comment: '',
    updated_at: new Date(),
    provision_streak_type: 'pass',
    provision_streak_count: 3,
  });
  await db.collection('queues').insertMany([
    { name: 'lab.queue', description: 'of the lab', updated_at: new Date() },
    { name: 'images', images: { 'noble.img': 'url: http://images.example/noble' }, updated_at: new Date() },
  ]);
  const waits = Array.from({ length: 1500 }, (_, n) => n);
  await db.collection('queue_wait_times').insertOne({ name: 'lab.queue', wait_times: waits });
  await db.collection('provision_logs').insertOne({
    name: 'agent-of-the-peer',
    provision_log: [{ job_id: runningId, exit_code: 0, detail: '', timestamp: new Date() }],
  });
}

/** Creates the indexes that a Testflinger server creates when it starts. */
async function makePeerIndexes(db: Db): Promise<void> {
  const week = { expireAfterSeconds: 7 * 24 * 60 * 60 };
  await db.collection('jobs').createIndex({ created_at: 1 }, week);
  await db.collection('logs').createIndex({ updated_at: 1 }, week);
  await db.collection('logs').createIndex({ job_id: 1, log_type: 1, phase: 1, fragment_number: 1 });
  await db.collection('fs.files').createIndex({ uploadDate: 1 }, week);
  await db.collection('agents').createIndex({ updated_at: 1 }, week);
  await db.collection('agents').createIndex({ name: 1 }, { unique: true });
  await db.collection('queues').createIndex({ updated_at: 1 }, week);
  await db.collection('client_permissions').createIndex({ client_id: 1 }, { unique: true });
  await db
    .collection('refresh_tokens')
    .createIndex({ last_accessed: 1 }, { expireAfterSeconds: 90 * 24 * 60 * 60 });
}
