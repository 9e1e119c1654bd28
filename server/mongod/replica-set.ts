import { createConnection } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { MongoClient, MongoServerError } from 'mongodb';

/** The name of the one-node replica set, which change streams and transactions need. */
export const REPLICA_SET = 'queuepass';

const POLL_MS = 10;

interface ReplicaSetConfig {
  version: number;
  members: { _id: number; host: string }[];
}

/**
 * Waits until the embedded mongod listens and makes it a primary: it initiates the replica set for new data, and changes
 * the replica set's address for data that were moved.
 * @param signal ends the wait if mongod has ended or took too long
 * @throws {Error} if aborted, or MongoDB's own error.
 */
export async function becomePrimary(uri: string, socketPath: string, signal: AbortSignal): Promise<void> {
  while (!(await isListening(socketPath))) await wait(POLL_MS, undefined, { signal });
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 10_000, minPoolSize: 0, maxPoolSize: 2 });
  const close = (): void => void client.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    await setAddress(client, socketPath);
    while (!(await isPrimary(client))) await wait(POLL_MS, undefined, { signal });
  } finally {
    signal.removeEventListener('abort', close);
    await client.close();
  }
}

async function setAddress(client: MongoClient, socketPath: string): Promise<void> {
  const configs = client.db('local').collection<ReplicaSetConfig>('system.replset');
  const config = await configs.findOne();
  const member = { _id: 0, host: socketPath };
  const admin = client.db('admin');
  if (config === null) {
    await admin.command({ replSetInitiate: { _id: REPLICA_SET, members: [member] } });
  } else if (config.members[0]?.host !== socketPath) {
    const moved = { ...config, version: config.version + 1, members: [{ ...config.members[0], ...member }] };
    await untilAccepted(() => admin.command({ replSetReconfig: moved, force: true }));
  }
}

// Until mongod has read its old configuration, it returns errors such as NotYetInitialized (94).
async function untilAccepted(run: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await run();
      return;
    } catch (error) {
      if (!(error instanceof MongoServerError) || attempt >= 200) throw error;
      await wait(POLL_MS * 5);
    }
  }
}

async function isPrimary(client: MongoClient): Promise<boolean> {
  const hello = await client.db('admin').command({ hello: 1 });
  return hello.isWritablePrimary === true;
}

/** Returns whether a process accepts connections on the socket. */
export function isListening(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
