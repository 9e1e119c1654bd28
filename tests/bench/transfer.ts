import { digestStream, largeUpload, readPeakMemory } from '../support/large-file.js';
import type { Setting } from './setting.js';

/** One upload or download. `peakMib` is the peak memory of the server process until then. */
export interface Transfer {
  what: string;
  seconds: number;
  mibPerSecond: number;
  peakMib: number;
}

const path = '/v1/result/0b5b2f4e-0d1c-4f6e-9f0a-6d6f0a1b2c3d/artifact';
const noTimeouts = { headersTimeout: 0, bodyTimeout: 0 };

/** Uploads and downloads an artifact of `mib` MiB. @throws Error if the downloaded bytes differ. */
export async function transferFile({ server, agent, submitter }: Setting, mib: number): Promise<Transfer[]> {
  const { pool, pid } = server;
  const { body, headers, digest } = largeUpload(mib);
  let started = performance.now();
  const measured = (what: string): Transfer => {
    const seconds = (performance.now() - started) / 1000;
    return { what, seconds, mibPerSecond: mib / seconds, peakMib: readPeakMemory(pid) };
  };
  const upload = { method: 'POST' as const, path, headers: { ...agent, ...headers }, body, ...noTimeouts };
  const sent = await pool.request(upload);
  if (sent.statusCode !== 200) throw new Error(`${sent.statusCode} ${await sent.body.text()}`);
  await sent.body.dump();
  const up = measured(`upload of ${mib} MiB`);
  started = performance.now();
  const fetched = await pool.request({ method: 'GET', path, headers: submitter, ...noTimeouts });
  if ((await digestStream(fetched.body)) !== digest())
    throw new Error('the downloaded bytes differ from the uploaded ones');
  return [up, measured(`download of ${mib} MiB`)];
}
