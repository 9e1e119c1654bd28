import { randomUUID } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import type { JobRecord } from '../../server/job/job-record.js';
import { startServer, testMongodbUri } from './start-server.js';

/** The results of calling `make` with 0, 1 and so on. */
export const times = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));

/** A waiting job as the server stores it. */
export function makeJobRecord(fields: Partial<JobRecord> = {}): JobRecord {
  return {
    job_id: randomUUID(),
    live: true,
    created_at: new Date(),
    job_priority: 0,
    job_data: { job_queue: 'q1' },
    result_data: { job_state: 'waiting' },
    ...fields,
  };
}

/** A server that records the commands that it sends to MongoDB. */
export async function startRecording(t: ExecutionContext) {
  const server = await startServer(t, {
    settings: { MONGODB_URI: `${testMongodbUri()}&monitorCommands=true` },
  });
  const sent: string[] = [];
  server.deps.connection.client.on('commandStarted', ({ commandName, command }) =>
    sent.push(`${commandName} ${String(command[commandName])}`),
  );
  /** Counts how often a command, such as `insert jobs`, is sent while `run` runs. */
  const count = async (command: string, run: () => Promise<unknown>) => {
    sent.length = 0;
    await run();
    return sent.filter((one) => one === command).length;
  };
  return Object.assign(server, { sent, count });
}
