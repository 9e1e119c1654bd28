import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type BenchMongod, startBenchMongod } from './bench-mongod.js';
import { type Build, entryOf, startBuild } from './compared-build.js';
import { type ComparedRow, comparedRows } from './compared-rows.js';
import { median } from './load.js';

/**
 * `npx tsx tests/bench/compare-builds.ts FOLDER [--rounds=N] [--only=TEXT]`: compares this tree's build with that of
 * another checkout (`npm run build` makes the one, `npm ci` in FOLDER the other). Each build has a database of its own, with
 * its own indexes, on one MongoDB. The builds are measured in turns, so that a disturbance of the machine meets both.
 */
const usage = 'usage: npx tsx tests/bench/compare-builds.ts FOLDER [--rounds=N] [--only=TEXT]';

const sides = ['here', 'there'] as const;
type Side = (typeof sides)[number];

/** What the command line asks for. */
interface Comparison {
  folders: Record<Side, string>;
  rounds: number;
  rows: readonly ComparedRow[];
}

/** @throws Error whose message is for the user. */
function readArguments(): Comparison {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { rounds: { type: 'string', default: '12' }, only: { type: 'string', default: '' } },
  });
  const [there, ...more] = positionals;
  const rounds = Number(values.rounds);
  if (there === undefined || more.length > 0) throw new Error('name one folder');
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('the number of rounds must be 1 or more');
  const rows = comparedRows.filter(({ name }) => name.includes(values.only));
  if (rows.length === 0) throw new Error(`no row has "${values.only}" in its name`);
  const folders = { here: fileURLToPath(new URL('../..', import.meta.url)), there };
  const missing = Object.values(folders)
    .map(entryOf)
    .find((file) => !existsSync(file));
  if (missing !== undefined) throw new Error(`${missing} does not exist: build that checkout first`);
  return { folders, rounds, rows };
}

/** Measures every row; an abort of `ending` kills the servers, and the next request to one then fails. */
async function compare(comparison: Comparison, ending: AbortController): Promise<void> {
  let mongod: BenchMongod | undefined;
  try {
    mongod = await startBenchMongod((error) => ending.abort(error));
    const { signal } = ending;
    const start = (side: Side, { uri: mongodbUri }: BenchMongod) =>
      startBuild({ folder: comparison.folders[side], mongodbUri, database: `bench_${side}`, signal });
    const builds = { here: await start('here', mongod), there: await start('there', mongod) };
    for (const row of comparison.rows) {
      console.log(await compareRow(row, builds, comparison.rounds));
    }
  } finally {
    ending.abort();
    await mongod?.stop();
  }
}

/** One row in all rounds, after one turn of each build that does not count; the line to print. */
async function compareRow(
  { name, run }: ComparedRow,
  builds: Record<Side, Build>,
  rounds: number,
): Promise<string> {
  reportProgress(`${name}: warming up`);
  for (const side of sides) await run(builds[side]);
  const rates: Record<Side, number[]> = { here: [], there: [] };
  const ratios: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    // The order alternates, since the first of two may find the caches cold.
    for (const side of round % 2 === 1 ? sides : sides.toReversed()) {
      rates[side].push((await run(builds[side])).rate);
    }
    ratios.push((rates.here.at(-1) ?? NaN) / (rates.there.at(-1) ?? NaN));
    reportProgress(`${name}: round ${round} of ${rounds}, ratio ${ratios.at(-1)?.toFixed(2)}`);
  }
  const rate = (side: Side) => presentRate(median(rates[side]));
  const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  return `${name}: ${rate('here')} a second here, ${rate('there')} there; ratio ${median(ratios).toFixed(2)}, rounds ${spread}`;
}

const presentRate = (rate: number) => rate.toFixed(rate < 100 ? 1 : 0);

function reportProgress(line: string): void {
  console.error(`  ${line}`);
}

/** Aborts `ending` when the user or the system ends this process, and on an error that nothing handles. */
function endOnSignals(ending: AbortController): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      process.exitCode = 128 + constants.signals[signal];
      ending.abort(new Error(`ended by ${signal}`));
    });
  }
  process.on('uncaughtException', (error) => ending.abort(error));
}

let comparison: Comparison;
try {
  comparison = readArguments();
} catch (error) {
  console.error(`${(error as Error).message}\n${usage}`);
  process.exit(2);
}
const ending = new AbortController();
endOnSignals(ending);
try {
  await compare(comparison, ending);
} catch (error) {
  const cause = ending.signal.reason instanceof DOMException ? error : ending.signal.reason;
  console.error(cause instanceof Error ? cause.message : cause);
  process.exitCode ??= 1;
}
// Connections to the killed servers would keep this process alive.
process.exit();
