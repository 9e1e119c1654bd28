import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type BenchMongod, startBenchMongod } from './bench-mongod.js';
import { entryOf, startBuild } from './compared-build.js';
import { type ComparedRow, comparedRows } from './compared-rows.js';
import { type Measured, median, processorTime } from './load.js';
import { msEach, watchProcessors } from './processor-time.js';

/**
 * `npx tsx tests/bench/compare-builds.ts FOLDER [--rounds=N] [--only=TEXT]`: compares this tree's build with that of
 * another checkout (`npm run build` makes the one, `npm ci` in FOLDER the other). Each build has a database of its own, with
 * its own indexes, on one MongoDB. The builds are measured in turns, so that a disturbance of the machine meets both, and
 * start anew every four rounds.
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

/** Number of rounds that the same processes run. */
const roundsPerStart = 4;

/** The measurements of one row, by side, one for each round. */
type Rounds = Record<Side, Measured[]>;

/** Measures every row; an abort of `ending` kills the servers, and the next request to one then fails. */
async function compare({ folders, rounds, rows }: Comparison, ending: AbortController): Promise<void> {
  const rowRounds = new Map<ComparedRow, Rounds>(rows.map((row) => [row, { here: [], there: [] }]));
  let mongod: BenchMongod | undefined;
  try {
    mongod = await startBenchMongod((error) => ending.abort(error));
    const { uri: mongodbUri } = mongod;
    processorTime.read = await watchProcessors(mongod);
    for (let round = 1; round <= rounds; round += roundsPerStart) {
      // New processes every few rounds: two processes of one build can differ by a tenth for as long as they run.
      const closing = new AbortController();
      const signal = AbortSignal.any([ending.signal, closing.signal]);
      const start = (side: Side) =>
        startBuild({ folder: folders[side], mongodbUri, database: `bench_${side}`, signal });
      const builds = { here: await start('here'), there: await start('there') };
      for (const [row, measured] of rowRounds) {
        for (const side of sides) await row.run(builds[side]);
        for (let turn = round; turn < round + roundsPerStart && turn <= rounds; turn += 1) {
          // The order alternates, since the first of two may find the caches cold.
          const order = turn % 2 === 1 ? sides : sides.toReversed();
          for (const side of order) measured[side].push(await row.run(builds[side]));
          const ratio = ratiosOf(measured).at(-1)?.toFixed(2);
          reportProgress(`round ${turn} of ${rounds}, ${row.name}: ratio ${ratio}`);
        }
      }
      closing.abort();
    }
  } finally {
    ending.abort();
    await mongod?.stop();
  }
  for (const [row, measured] of rowRounds) console.log(presentRow(row, measured));
}

function ratiosOf({ here, there }: Rounds): number[] {
  return here.map(({ rate }, i) => rate / (there[i]?.rate ?? NaN));
}

/** The lines of a row: the median rates, the median and range of the ratios, and the processor time of one turn. */
function presentRow({ name }: ComparedRow, rounds: Rounds): string {
  const medianBySide = (read: (measured: Measured) => number) => ({
    here: median(rounds.here.map(read)),
    there: median(rounds.there.map(read)),
  });
  const rate = medianBySide((measured) => measured.rate);
  const ratios = ratiosOf(rounds);
  const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  const each = rounds.here[0]?.requestsEach;
  const requests = each === undefined ? '' : `, ${each.toFixed(1)} requests each`;
  const processor = (['servers', 'mongod'] as const).map((part) => {
    const { here, there } = medianBySide((measured) => msEach(measured, part));
    return `${part} ${here.toFixed(2)} here, ${there.toFixed(2)} there`;
  });
  return [
    `${name}: ${presentRate(rate.here)} a second here, ${presentRate(rate.there)} there; ratio ${median(ratios).toFixed(2)}, rounds ${spread}${requests}`,
    `  processor ms each: ${processor.join('; ')}`,
  ].join('\n');
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
