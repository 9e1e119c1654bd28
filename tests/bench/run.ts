import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { presentTable } from '../../docs/pages/markdown.js';
import { allScenarios } from './all-scenarios.js';
import { type Churn, measureChurn } from './churn.js';
import { listChurnGoals, presentChurn } from './churn-page.js';
import { claimRow } from './claim-scenarios.js';
import { compareWithGoals, type Results } from './goals.js';
import { measureGrowth } from './growth.js';
import { type Measured, median, medianOf, processorTime } from './load.js';
import { type PageParts, presentPage } from './performance-page.js';
import {
  nameBottleneck,
  presentGoals,
  presentTransfers,
  presentWaiting,
  presentWholeJobs,
} from './performance-tables.js';
import { drawPlot, type Line } from './plots.js';
import { watchProcessors } from './processor-time.js';
import { createSetting } from './setting.js';
import { measureSlowReaders, type SlowReaders } from './slow-readers.js';
import { type Transfer, transferFile } from './transfer.js';
import { measureWaiting, type Waiting } from './waiting.js';
import { limitRow, wholeJobsRow } from './whole-job-scenarios.js';

/**
 * `npm run bench [-- --quick] [-- --deep] [-- --only=TEXT]` runs every scenario in several rounds, so that other work on
 * the machine affects all of them. A ratio compares two rows of the same round. `--quick` runs one short round. `--deep`
 * adds claims among 1,000,000 waiting jobs, and the test of plans at that size. `--only` runs the rows whose name contains the text, and the rows that they
 * are compared with. `--churn[=N]` only compares a fresh database with one from which N jobs (1,000,000) were deleted and
 * N/10 taken; `--history=SECONDS` is how long MongoDB keeps deleted entries, 0 by default. Without `--quick`, `--only` and `--churn` the program writes tables and plots to docs/reference.
 */
const quick = process.argv.includes('--quick');
const deep = process.argv.includes('--deep');
const only = process.argv.find((word) => word.startsWith('--only='))?.slice('--only='.length);
const churnWord = process.argv.find((word) => /^--churn(=|$)/.test(word));
const historySeconds = Number(
  process.argv.find((word) => word.startsWith('--history='))?.slice('--history='.length) ?? 0,
);
const rounds = quick ? 1 : 3;
const isWhole = only === undefined;
const wanted = allScenarios.filter(({ name, isDeep }) => name.includes(only ?? '') && (deep || !isDeep));
const compared = new Set(isWhole ? [] : wanted.flatMap(({ against }) => against));
const scenarios = allScenarios.filter((row) => wanted.includes(row) || compared.has(row.name));
const measured = new Map<string, Measured[]>(scenarios.map(({ name }) => [name, []]));
const waiting: Waiting[] = [];
let transfers: Transfer[] = [];
let slowReaders: SlowReaders | undefined;
let growth: Line[] = [];
let churn: Churn | undefined;

execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
if (churnWord !== undefined) {
  const result = await measureChurn(
    { deleted: Number(churnWord.split('=')[1] ?? 1_000_000), historySeconds },
    printStep,
  );
  console.log(`\n${presentChurn(result)}\n\n${presentGoals(listChurnGoals(result))}`);
  process.exit(0);
}
const setting = await createSetting(quick ? 10 : 60);
try {
  processorTime.read = await watchProcessors(setting);
  // A warm-up, so that all rows measure programs whose code is already compiled.
  for (const scenario of quick ? [] : scenarios) {
    printStep(`warming up: ${scenario.name}`);
    await scenario.run(setting, true);
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const scenario of scenarios) {
      printStep(`round ${round} of ${rounds}: ${scenario.name}`);
      measured.get(scenario.name)?.push(await scenario.run(setting, quick));
    }
  }
  process.stderr.write('\n');
  console.log(presentRows());
  console.log(`\n${presentWholeJobs(wholeJobs())}`);
  if (isWhole) {
    printStep('growing numbers of callers');
    growth = await measureGrowth(setting, quick);
    for (const servers of quick ? [1, 2] : [1, 2, 4]) {
      printStep(`waiting claims, ${servers} servers`);
      waiting.push(await measureWaiting(setting, servers, quick ? 1000 : 10_000, quick));
    }
    printStep('large files');
    transfers = await transferFile(setting, quick ? 50 : 200);
    printStep('slow readers');
    slowReaders = await measureSlowReaders(setting, 250, 50);
  }
} finally {
  process.stderr.write('\n');
  await setting.end();
}

if (isWhole) {
  churn = await measureChurn({ deleted: quick ? 10_000 : 1_000_000, historySeconds }, printStep);
  const results: Results = {
    has: (name) => measured.has(name),
    row: (name) => medianOf(roundsOf(name)),
    ratio,
    slowReaders: () => slowReaders,
    churn: () => churn,
    waiting: (servers) => waiting.find((row) => row.servers === servers),
  };
  const goals = presentGoals(compareWithGoals(results));
  const parts = {
    rows: presentRows(),
    goals,
    wholeJobs: presentWholeJobs(wholeJobs()),
    churn: presentChurn(churn),
    waiting: presentWaiting(waiting),
    files: presentTransfers(transfers),
    plans: deep ? checkDeepPlans() : undefined,
  };
  console.log(['', parts.goals, parts.churn, parts.waiting, parts.files].join('\n\n'));
  if (!quick) writePage(parts);
}
process.exit(0);

/** Runs the test of plans with a collection of 1,000,000 jobs. @throws if a statement uses another index than its own */
function checkDeepPlans(): string {
  printStep('plans at 1,000,000 jobs');
  execFileSync('npx', ['tsx', 'tests/support/run-ava.ts', 'tests/contract/hot-plans.test.ts'], {
    env: { ...process.env, DEEP_PLANS: '1' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return 'Each hot statement about jobs used its own index at 10, 10,000, 100,000 and 1,000,000 jobs, with a cold plan cache and with one that was filled while the collection was small (`tests/contract/hot-plans.test.ts`).';
}

function writePage(parts: PageParts): void {
  const write = (file: string, text: string) =>
    writeFileSync(new URL(`../../docs/reference/${file}`, import.meta.url), text);
  write('performance.md', presentPage(rounds, parts));
  const depths = [100, 1000, 10_000, 100_000, 1_000_000].filter((depth) => measured.has(claimRow(8, depth)));
  const claims = depths.map((depth) => [depth, medianOf(roundsOf(claimRow(8, depth))).rate] as const);
  write(
    'performance-callers.svg',
    drawPlot('Requests a second by the number of callers', 'callers', 'a second', growth),
  );
  write(
    'performance-depth.svg',
    drawPlot('Claims a second by the number of waiting jobs, 8 callers', 'waiting jobs', 'a second', [
      { name: 'claims', points: claims },
    ]),
  );
}

function presentRows(): string {
  return presentTable(
    ['', 'a second', 'min ms', 'median ms', 'p99 ms', 'ratios in the same round', 'limited by'],
    scenarios.map(({ name, against }) => {
      const { rate, min, p50, p99, cores } = medianOf(roundsOf(name));
      const ratios = against
        .filter((other) => measured.has(other))
        .map((other) => `${ratio(name, other).toFixed(2)} of ${other}`);
      return [
        name,
        Math.round(rate).toLocaleString('en'),
        ...[min, p50, p99].map((ms) => ms.toFixed(1)),
        ratios.join('; '),
        nameBottleneck(cores),
      ];
    }),
  );
}

/** The medians of whole jobs and their limit, as far as they were measured. */
function wholeJobs(): [name: string, measured: Measured][] {
  return [limitRow, wholeJobsRow]
    .filter((name) => measured.has(name))
    .map((name) => [name, medianOf(roundsOf(name))]);
}

function printStep(what: string): void {
  process.stderr.write(`\r${what.padEnd(90)}`);
}

function roundsOf(name: string): Measured[] {
  return measured.get(name) as Measured[];
}

function ratio(name: string, other: string): number {
  const others = roundsOf(other);
  return median(roundsOf(name).map(({ rate }, round) => rate / (others[round]?.rate ?? NaN)));
}
