import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { presentTable } from '../../docs/pages/markdown.js';
import { readMemory } from '../support/large-file.js';
import { send } from './processes.js';
import { createSetting, type Setting } from './setting.js';

/**
 * `npx tsx tests/bench/soak.ts [--minutes=10]` puts one server under a steady load: agents wait for jobs and run them,
 * submitters follow the logs and request tokens. Exits with status 1 if from the third minute to the last the memory grew
 * by more than a tenth, or files, cursors, change streams or connections by more than five, or if Node printed warnings.
 */
const minutes = Number(
  process.argv.find((word) => word.startsWith('--minutes='))?.slice('--minutes='.length) ?? 10,
);
const agentCount = 100;
const submitterCount = 8;
const warmUpMinutes = 2;

/** The values at the end of a minute. None except `jobs` may grow. */
interface Sample {
  jobs: number;
  residentMib: number;
  files: number;
  cursors: number;
  changeStreams: number;
  connections: number;
}

execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
const setting = await createSetting();
const json = { 'content-type': 'application/json' };
let isOver = false;
let done = 0;

let refused = 0;

/** Sends a request, and again after each 503, like clients do. */
async function sendUntilAccepted(
  ...[, method, path, headers, body]: Parameters<typeof send>
): ReturnType<typeof send> {
  for (;;) {
    try {
      return await send(setting.server, method, path, headers, body);
    } catch (error) {
      if (!/: 503 /.test((error as Error).message)) throw error;
      refused += 1;
      await wait(200);
    }
  }
}

/** Claims jobs one after the other and runs each like an agent. */
async function runAgent(n: number): Promise<void> {
  const { server, agent } = setting;
  const headers = { ...agent, cookie: `agent_name=soak-${n}` };
  while (!isOver) {
    const claimed = await sendUntilAccepted(server, 'GET', '/v1/job?queue=soak', {
      ...headers,
      prefer: 'wait=20',
    });
    if (claimed.status !== 200) continue;
    const { job_id: id } = JSON.parse(claimed.text) as { job_id: string };
    const post = (path: string, body: object) =>
      sendUntilAccepted(
        server,
        'POST',
        `/v1/result/${id}${path}`,
        { ...headers, ...json },
        JSON.stringify(body),
      );
    await post('', { job_state: 'test' });
    for (let number = 0; number < 3; number += 1) {
      const log_data = `line ${number}\n`.repeat(50);
      const timestamp = new Date();
      await post('/log/output', { fragment_number: number, timestamp, phase: 'test', log_data });
    }
    await post('', { job_state: 'complete', status: { test: 0 } });
    done += 1;
  }
}

/** Submits a job, waits for its result like a person, and requests a token. */
async function runSubmitter(): Promise<void> {
  const { server, submitter, secret } = setting;
  while (!isOver) {
    const submitted = await sendUntilAccepted(server, 'POST', '/v1/job', submitter, '{"job_queue":"soak"}');
    const { job_id: id } = JSON.parse(submitted.text) as { job_id: string };
    await sendUntilAccepted(server, 'GET', `/v1/result/${id}`, { ...submitter, prefer: 'wait=5' });
    await sendUntilAccepted(server, 'GET', `/v1/result/${id}/log/output?start_fragment=0`, submitter);
    await sendUntilAccepted(server, 'GET', '/v1/authenticate/token/bcrypt-0', { 'client-key': secret });
    await wait(5);
  }
}

async function sample({ db, server }: Setting): Promise<Sample> {
  const admin = db.client.db('admin');
  const status = await admin.command({ serverStatus: 1 });
  const cursors = await admin
    .aggregate([
      { $currentOp: { idleCursors: true, allUsers: true } },
      { $match: { 'cursor.originatingCommand.pipeline.$changeStream': { $exists: true } } },
      { $count: 'count' },
    ])
    .toArray();
  return {
    jobs: done,
    residentMib: readMemory(server.pid),
    files: readdirSync(`/proc/${server.pid}/fd`).length,
    cursors: status.metrics.cursor.open.total as number,
    changeStreams: (cursors[0]?.count as number | undefined) ?? 0,
    connections: status.connections.current as number,
  };
}

const samples: Sample[] = [];
const load = [
  ...Array.from({ length: agentCount }, (_, n) => runAgent(n)),
  ...Array.from({ length: submitterCount }, runSubmitter),
];
for (let minute = 1; minute <= minutes; minute += 1) {
  await Promise.race([wait(60_000), Promise.all(load)]);
  const taken = await sample(setting);
  samples.push(taken);
  console.error(`minute ${minute}: ${JSON.stringify(taken)}`);
}
isOver = true;
await Promise.all(load);
const { warnings } = setting.server;
await setting.end();

const columns = ['jobs', 'residentMib', 'files', 'cursors', 'changeStreams', 'connections'] as const;
const kept = samples.slice(warmUpMinutes);
const [first, last] = [kept[0], kept.at(-1)] as [Sample, Sample];
console.log(
  presentTable(
    ['minute', ...columns],
    samples.map((row, minute) => [String(minute + 1), ...columns.map((column) => String(row[column]))]),
  ),
);
console.log(`${refused} requests were refused with 503 and sent again`);
const grown = columns
  .slice(1)
  .filter((column) => last[column] > (column === 'residentMib' ? first[column] * 1.1 : first[column] + 5));
for (const column of grown) console.log(`grew: ${column} from ${first[column]} to ${last[column]}`);
for (const warning of warnings) console.log(`warning: ${warning}`);
process.exit(grown.length + warnings.length > 0 ? 1 : 0);
