import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { presentTable } from '../../docs/pages/markdown.js';
import { batchingScenarios } from './batching-scenarios.js';
import { type Measured, median, medianOf } from './load.js';
import { contractScenarios } from './contract-scenarios.js';
import { scenarios as coreScenarios } from './scenarios.js';
import { createSetting } from './setting.js';
import { type Transfer, transferFile } from './transfer.js';

/**
 * `npm run bench [-- --quick] [-- --only=TEXT]`: every scenario in several rounds, so that what disturbs the machine meets all of them;
 * ratios are of the same round. Without either the table is written to docs/reference/performance.md.
 */
const quick = process.argv.includes('--quick');
const rounds = quick ? 1 : 4;
const only = process.argv.find((word) => word.startsWith('--only='))?.slice('--only='.length);
const all = [...coreScenarios, ...batchingScenarios, ...contractScenarios];
const scenarios = all.filter(({ name }) => only === undefined || name.includes(only));
const measured = new Map<string, Measured[]>(scenarios.map(({ name }) => [name, []]));

execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
const setting = await createSetting();
let transfers: Transfer[] = [];
try {
  for (let round = 1; round <= rounds; round += 1) {
    for (const scenario of scenarios) {
      process.stderr.write(`\rround ${round} of ${rounds}: ${scenario.name.padEnd(50)}`);
      measured.get(scenario.name)?.push(await scenario.run(setting, quick));
    }
  }
  if (only === undefined) transfers = await transferFile(setting, 200);
} finally {
  process.stderr.write('\n');
  await setting.end();
}

const table = presentTable(
  ['', 'a second', 'min ms', 'median ms', 'p99 ms', 'ratios in the same round'],
  scenarios.map(({ name, against }) => {
    const { rate, min, p50, p99 } = medianOf(roundsOf(name));
    const ratios = against
      .filter((other) => measured.has(other))
      .map((other) => `${presentRatio(name, other)} of ${other}`);
    return [
      name,
      Math.round(rate).toLocaleString('en'),
      ...[min, p50, p99].map((ms) => ms.toFixed(1)),
      ratios.join('; '),
    ];
  }),
);
const files = presentTable(
  ['one file', 's', 'MiB a second', 'most resident memory of the server, MiB'],
  transfers.map(({ what, seconds, mibPerSecond, peakMib }) => [
    what,
    seconds.toFixed(1),
    String(Math.round(mibPerSecond)),
    String(peakMib),
  ]),
);
console.log(`${table}\n\n${files}`);
if (!quick && only === undefined)
  writeFileSync(new URL('../../docs/reference/performance.md', import.meta.url), presentPage());
process.exit(0);

function roundsOf(name: string): Measured[] {
  return measured.get(name) as Measured[];
}

function presentRatio(name: string, other: string): string {
  const others = roundsOf(other);
  return median(roundsOf(name).map(({ rate }, round) => rate / (others[round]?.rate ?? NaN))).toFixed(2);
}

function presentPage(): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `<!-- Made by \`npm run bench\`. -->
# Performance

Measured by \`npm run bench\` at commit ${commit}, Node ${process.versions.node}, on a machine of ${machine}: the load,
the server and mongod share it, so rates are low and noisy, and the ratios are what counts. Each row is the round in the
middle of ${rounds}; a ratio is the middle of the rounds' own. Claims have 8 callers, position 1, the others 16 where the row does not say. Writes are acknowledged by
a majority and journaled, in the bare rows too.

${table}

${files}

What the rows are: *bare Koa* is a route that does one read of a client record and nothing else; the *bare* rows of MongoDB
are the driver in the load's own process, without HTTP. "bcrypt key first time" is a client that this process has not seen
yet, at cost 10. Claims run while as many jobs as named wait in the queue, plus up to one batch of 400.
`;
}
