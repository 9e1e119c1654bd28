import { join } from 'node:path';
import { type Measured, measure, median } from './load.js';
import { storeMaskedJob } from './masked-job.js';
import { send, startTarget, type Target } from './processes.js';
import { createSetting, makeStoredJob, type Setting } from './setting.js';

/**
 * `npx tsx tests/bench/compare-builds.ts FOLDER`: this tree's build against that of another checkout (`npm ci` there makes
 * it), on one MongoDB, in turns, so that what disturbs the machine meets both: what a change costs or gains.
 */
const other = process.argv[2];
if (other === undefined) throw new Error('name the folder of the other checkout');
const rounds = 12;
const setting = await createSetting();
const servers: Record<string, Target> = {
  here: setting.server,
  there: await startTarget([join(other, 'dist/main.js')], setting.environment),
};
const json = { ...setting.agent, 'content-type': 'application/json' };
let number = 0;

const scenarios: Record<string, (server: Target) => Promise<Measured>> = {
  'claim, 8 callers, 100 to 500 waiting': (server) => measureClaims(setting, server),
  'empty poll, 8 callers': (server) =>
    measure({ callers: 8, seconds: 1 }, async () => {
      await send(server, 'GET', '/v1/job?queue=nothing', agentOf(number++ % 500));
    }),
  'result post, 16 callers': async (server) => {
    const jobId = await storeMaskedJob(setting, 0);
    return measure({ callers: 16, seconds: 1 }, async () => {
      await send(server, 'POST', `/v1/result/${jobId}`, json, '{"status":{"setup":0}}');
    });
  },
  'log post of 1 KB, 16 callers': async (server) => {
    const jobId = await storeMaskedJob(setting, 0);
    return measure({ callers: 16, seconds: 1 }, async () => {
      const timestamp = new Date();
      const piece = {
        fragment_number: number++,
        timestamp,
        phase: 'test',
        log_data: `${'x'.repeat(1023)}\n`,
      };
      await send(server, 'POST', `/v1/result/${jobId}/log/output`, json, JSON.stringify(piece));
    });
  },
};

function agentOf(n: number): Record<string, string> {
  return { ...setting.agent, cookie: `agent_name=bench-${n}` };
}

/** As in a lab, where an agent takes one job after the other and hundreds do: each claim is another agent's. */
async function measureClaims({ db }: Setting, server: Target): Promise<Measured> {
  const queue = `q${number++}`;
  await db.collection('jobs').insertMany(Array.from({ length: 500 }, () => makeStoredJob(queue)));
  return measure({ callers: 8, requests: 400 }, async () => {
    await send(server, 'GET', `/v1/job?queue=${queue}`, agentOf(number++));
  });
}

try {
  for (const [name, run] of Object.entries(scenarios)) {
    const rates: Record<string, number[]> = { here: [], there: [] };
    for (let round = 0; round < rounds; round += 1) {
      // Who comes first changes, since the first of two may find the caches cold.
      const order = round % 2 === 0 ? ['here', 'there'] : ['there', 'here'];
      for (const side of order) rates[side]?.push((await run(servers[side] as Target)).rate);
    }
    const [here = [], there = []] = [rates.here, rates.there];
    const ratios = here.map((rate, round) => rate / (there[round] ?? NaN));
    const told = `${Math.round(median(here))} here, ${Math.round(median(there))} there a second`;
    console.log(`${name}: ${told}; here ${median(ratios).toFixed(2)} of there, by rounds ${spread(ratios)}`);
  }
} finally {
  servers.there?.stop();
  await setting.end();
}
process.exit(0);

function spread(ratios: number[]): string {
  const sorted = [...ratios].sort((a, b) => a - b);
  return `${sorted[0]?.toFixed(2)} to ${sorted.at(-1)?.toFixed(2)}`;
}
