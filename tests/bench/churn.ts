import { fileURLToPath } from 'node:url';
import { MongoClient } from 'mongodb';
import { type BenchMongod, startBenchMongod } from './bench-mongod.js';
import { deleteJobs, takeJobs, waitForEvents } from './churn-load.js';
import { type ChurnRow, churnedQueue, churnRows } from './churn-rows.js';
import { type Build, startBuild } from './compared-build.js';
import { type Measured, medianOf, processorTime } from './load.js';
import { watchProcessors } from './processor-time.js';

/** A row on a fresh database and after churn, each the median round. */
export interface ChurnResult {
  name: string;
  fresh: Measured;
  churned: Measured;
  /** The rate after churn, divided by the fresh one, of each round. */
  ratios: number[];
}

/** The rows after churn. */
export interface Churn {
  /** Number of jobs that were taken from the measured queue. */
  taken: number;
  /** Number of jobs of other queues that were stored and deleted. */
  deleted: number;
  rows: ChurnResult[];
}

/** From this number of deleted jobs on, each row has three rounds; below it, one. */
const manyDeleted = 100_000;

/** A server with a MongoDB of its own. */
interface Side {
  mongod: BenchMongod;
  build: Build;
}

/**
 * Takes `deleted / 10` jobs from the measured queue and deletes `deleted` jobs of other queues, and then measures the rows
 * without a pause, in turns with a fresh database, so that a disturbance of the machine meets both. The fresh database is
 * in another MongoDB, whose cache and history the churn does not touch.
 * @param load.historySeconds the seconds for which MongoDB keeps deleted entries: 300 by default, and 0 in the embedded one
 * @param report is called with the name of each step
 */
export async function measureChurn(
  { deleted, historySeconds }: { deleted: number; historySeconds: number },
  report: (step: string) => void,
): Promise<Churn> {
  const taken = Math.round(deleted / 10);
  const ending = new AbortController();
  const mongods: BenchMongod[] = [];
  const start = async (): Promise<Side> => {
    const mongod = await startBenchMongod((error) => ending.abort(error));
    mongods.push(mongod);
    await keepHistory(mongod, historySeconds);
    return { mongod, build: await startServer(mongod, ending.signal) };
  };
  try {
    const sides = { fresh: await start(), churned: await start() };
    for (const row of churnRows) {
      report(`warming up: ${row.name}`);
      for (const { build } of Object.values(sides)) await row.run(build);
    }
    await churn(sides.churned, { deleted, taken, report });
    const rows = await measureInTurns(sides, deleted < manyDeleted ? 1 : 3, report);
    return { taken, deleted, rows };
  } finally {
    ending.abort();
    for (const mongod of mongods) await mongod.stop();
  }
}

async function keepHistory({ uri }: BenchMongod, seconds: number): Promise<void> {
  const client = new MongoClient(uri);
  try {
    await client.db('admin').command({ setParameter: 1, minSnapshotHistoryWindowInSeconds: seconds });
  } finally {
    await client.close();
  }
}

function startServer({ uri: mongodbUri }: BenchMongod, signal: AbortSignal): Promise<Build> {
  const folder = fileURLToPath(new URL('../..', import.meta.url));
  return startBuild({ folder, mongodbUri, database: 'bench', signal });
}

async function churn(
  { mongod, build }: Side,
  { deleted, taken, report }: { deleted: number; taken: number; report: (step: string) => void },
): Promise<void> {
  const client = new MongoClient(mongod.uri, { writeConcern: { w: 'majority', journal: true } });
  try {
    const db = client.db('bench');
    report(`taking ${taken.toLocaleString('en')} and deleting ${deleted.toLocaleString('en')} jobs`);
    await Promise.all([takeJobs(db, churnedQueue, taken), deleteJobs(db, deleted)]);
    report('reading the events of these writes');
    await waitForEvents(build.server.pid);
  } finally {
    await client.close();
  }
}

async function measureInTurns(
  sides: Record<'fresh' | 'churned', Side>,
  rounds: number,
  report: (step: string) => void,
): Promise<ChurnResult[]> {
  const read = {
    fresh: await watchProcessors(sides.fresh.mongod),
    churned: await watchProcessors(sides.churned.mongod),
  };
  const measured = new Map<ChurnRow, Record<'fresh' | 'churned', Measured[]>>(
    churnRows.map((row) => [row, { fresh: [], churned: [] }]),
  );
  for (let round = 1; round <= rounds; round += 1) {
    for (const [row, of] of measured) {
      // The churned database comes first, since the time after the churn counts.
      for (const side of ['churned', 'fresh'] as const) {
        report(`round ${round} of ${rounds}, ${side}: ${row.name}`);
        processorTime.read = read[side];
        of[side].push(await row.run(sides[side].build));
      }
    }
  }
  return [...measured].map(([{ name }, { fresh, churned }]) => ({
    name,
    fresh: medianOf(fresh),
    churned: medianOf(churned),
    ratios: churned.map(({ rate }, round) => rate / (fresh[round]?.rate ?? NaN)),
  }));
}
