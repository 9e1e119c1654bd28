import { Pool } from 'undici';

/**
 * Posts a body of 11 MB with 900,000 keys to the server of `TARGET_URL`, ten times a second, until it is killed. It is a
 * process of its own: in the load's process, writing the bodies would delay the requests that are measured.
 */
const pool = new Pool(process.env.TARGET_URL as string, { connections: 32, pipelining: 1 });
const keys = Array.from({ length: 900_000 }, (_, n) => `"${n.toString(36).padStart(4, '0')}":${n % 10}`);
const body = Buffer.from(`{"job_queue":"q","provision_data":{${keys.join()}}}`);
const headers = { 'content-type': 'application/json' };

async function post(): Promise<void> {
  const answer = await pool.request({ method: 'POST', path: '/v1/job', headers, body });
  await answer.body.dump();
  if (answer.statusCode === 422) return;
  console.error(`a body of 900,000 keys got ${answer.statusCode}`);
  process.exit(1);
}

await post();
setInterval(() => void post(), 100);
console.error(`sends bodies to the server that listens on ${process.env.TARGET_URL}`);
