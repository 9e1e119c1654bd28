import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { readMemory } from '../support/large-file.js';
import type { Setting } from './setting.js';

/** The memory of a server whose clients read a long log slowly. */
export interface SlowReaders {
  readers: number;
  /** Increase of the server's resident memory for each reader, in MiB. */
  mibEach: number;
}

const mebibyte = 1024 * 1024;
const bytesPerSecond = 1024;

/** Opens `readers` connections that read a log of `mib` MiB, in fragments of 1 MiB, at 1 KB/s. */
export async function measureSlowReaders(
  setting: Setting,
  readers: number,
  mib: number,
): Promise<SlowReaders> {
  const server = await setting.startFresh();
  const job = randomUUID();
  const log_data = 'a line of a long log\n'.repeat(mebibyte / 21);
  const fragment = { job_id: job, log_type: 'output', phase: 'test', live: true, log_data };
  const at = { timestamp: new Date(), updated_at: new Date() };
  const fragments = Array.from({ length: mib }, (_, fragment_number) => ({
    ...fragment,
    ...at,
    fragment_number,
  }));
  await setting.db.collection('logs').insertMany(fragments);
  const path = `/v1/result/${job}/log/output`;
  const sockets: ReturnType<typeof connect>[] = [];
  try {
    // A first reader, so that the memory of the code is not counted.
    await (await fetch(server.url + path)).arrayBuffer();
    const before = readMemory(server.pid);
    const { hostname, port } = new URL(server.url);
    for (let n = 0; n < readers; n += 1) {
      const socket = connect(Number(port), hostname).pause();
      sockets.push(socket);
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
    }
    await Promise.all(sockets.map((socket) => once(socket, 'readable')));
    const timer = setInterval(() => {
      for (const socket of sockets) socket.read(bytesPerSecond);
    }, 1000);
    await wait(10_000);
    clearInterval(timer);
    return { readers, mibEach: (readMemory(server.pid) - before) / readers };
  } finally {
    for (const socket of sockets) socket.destroy();
    server.stop();
    await setting.db.collection('logs').deleteMany({ job_id: job });
  }
}
