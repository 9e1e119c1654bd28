import { Pool } from 'undici';
import type { LargeBody } from './hostile-scenarios.js';

/**
 * Posts a large body that must be refused with 422 to the server of `TARGET_URL`, `PER_SECOND` times a second, until it
 * is killed. It is a process of its own: in the load's process, writing the bodies would delay the requests that are
 * measured.
 */
const pool = new Pool(process.env.TARGET_URL as string, { connections: 32, pipelining: 1 });

/** The content of each body's map. The last two are refused for their last number, after the whole body was parsed. */
const contents: Record<LargeBody, () => string> = {
  keys: () =>
    Array.from({ length: 900_000 }, (_, n) => `"${n.toString(36).padStart(4, '0')}":${n % 10}`).join(),
  digits: () => `"a":${'1'.repeat(16_000_000)},"b":1e999`,
  escapes: () => `"a":"${'\\"'.repeat(7_500_000)}","b":123456789012345678,"c":1e999`,
};

const kind = process.env.LARGE_BODY as LargeBody;
const body = Buffer.from(`{"job_queue":"q","allocate_data":{${contents[kind]()}}}`);
const headers = { 'content-type': 'application/json' };

async function post(): Promise<void> {
  const answer = await pool.request({ method: 'POST', path: '/v1/job', headers, body });
  await answer.body.dump();
  if (answer.statusCode === 422) return;
  console.error(`a body of ${kind} got ${answer.statusCode}`);
  process.exit(1);
}

await post();
setInterval(() => void post(), 1000 / Number(process.env.PER_SECOND));
console.error(`sends bodies to the server that listens on ${process.env.TARGET_URL}`);
