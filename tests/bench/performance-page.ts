import { execFileSync } from 'node:child_process';
import { cpus, loadavg, totalmem } from 'node:os';
import { presentTable } from '../../docs/pages/markdown.js';
import type { Goal } from './goals.js';
import type { Cores, Measured } from './load.js';
import type { Transfer } from './transfer.js';
import type { Waiting } from './waiting.js';
import { msEach } from './whole-job-scenarios.js';

/** The load average before the first row. If the machine was busy, the rates are too low. */
const loadBefore = loadavg()[0] as number;

/** What limits a row, judged by the number of cores that each part used. */
export function nameBottleneck({ load, servers, mongod }: Cores): string {
  const shares = `server ${servers.toFixed(2)}, mongod ${mongod.toFixed(2)}, load ${load.toFixed(2)}`;
  const busy = load + servers + mongod;
  if (busy > 0.85 * cpus().length) return `the cores (${shares})`;
  if (servers > 0.9) return `the server's event loop (${shares})`;
  if (load > 0.9) return `the load's own process (${shares})`;
  return `waiting for answers and commits (${shares})`;
}

/** The table of goals and results. */
export function presentGoals(goals: readonly Goal[]): string {
  return presentTable(
    ['goal', 'target', 'measured', 'result'],
    goals.map(({ what, wanted, measured, isMet }) => [what, wanted, measured, isMet ? 'met' : '**missed**']),
  );
}

/** The table of whole jobs and their limit. */
export function presentWholeJobs(rows: readonly (readonly [name: string, measured: Measured])[]): string {
  if (rows.length === 0) return '';
  return presentTable(
    [
      '',
      'jobs a second',
      'requests or commands a job',
      'requests or commands a second',
      'median ms',
      'processor ms a job: server',
      'mongod',
      'load',
    ],
    rows.map(([name, measured]) => {
      const { rate, requestsEach = 1, p50 } = measured;
      const ms = (['servers', 'mongod', 'load'] as const).map((part) => msEach(measured, part).toFixed(1));
      const requests = [requestsEach.toFixed(1), Math.round(rate * requestsEach).toLocaleString('en')];
      return [name, rate.toFixed(1), ...requests, p50.toFixed(0), ...ms];
    }),
  );
}

/** The table of the cost of waiting claims. */
export function presentWaiting(rows: readonly Waiting[]): string {
  return presentTable(
    [
      'servers',
      'parked claims',
      'KiB each',
      '% of a core idle',
      '% of a core renewing',
      'wake p50 ms',
      'wake p99 ms',
      'burst of 1,000, ms',
      'wakes a second',
    ],
    rows.map((row) => [
      String(row.servers),
      row.waiters.toLocaleString('en'),
      row.kibEach.toFixed(1),
      row.idlePercent.toFixed(1),
      row.renewingPercent?.toFixed(1) ?? '',
      row.wakeP50.toFixed(1),
      row.wakeP99.toFixed(1),
      row.burstMs.toFixed(0),
      Math.round(row.burstRate).toLocaleString('en'),
    ]),
  );
}

/** The table of the cost of large files. */
export function presentTransfers(transfers: readonly Transfer[]): string {
  return presentTable(
    ['one file', 'seconds', 'MiB a second', 'peak resident memory of the server, MiB'],
    transfers.map(({ what, seconds, mibPerSecond, peakMib }) => [
      what,
      seconds.toFixed(1),
      String(Math.round(mibPerSecond)),
      String(peakMib),
    ]),
  );
}

/** The whole page. */
export function presentPage(
  rounds: number,
  parts: { rows: string; goals: string; wholeJobs: string; waiting: string; files: string },
): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const busy =
    loadBefore < cpus().length / 2
      ? ''
      : `\n**The machine was busy with other work** (a load of ${loadBefore.toFixed(1)} before the first row), so the rates are too low.\n`;
  return `<!-- Made by \`npm run bench -- --deep\`. -->
# Performance

Use these figures to compare routes, numbers of callers and changes of the code. Measured at commit ${commit}, Node ${process.versions.node},
on a machine with ${machine}. The load generator, the servers and mongod share this machine, so the rates are low
and noisy: compare the ratios. Each row is the median of ${rounds} rounds, and each ratio is the median of the ratios within the rounds.
Writes are acknowledged by a majority and journaled, in the bare rows too.
${busy}
## Goals

${parts.goals}

[Performance goals](../explanation/speed-goals.md) describes what was tried for the goals that are missed.
[Scaling](../explanation/scaling.md) describes what fails first as labs grow.

## Routes

${parts.rows}

*Bare Koa* is a route that only reads one client record. The *bare* rows of MongoDB call the driver in the process of the load
generator, without HTTP. "bcrypt key first time" is a client that this process has not seen yet, at cost 10. Before each row, the
same load runs for a moment.

Claims run while the named number of jobs waits in the queue, plus up to one batch of 400 (1,600 with 64 callers). The last column
is measured too: it shows how many of the ${cpus().length} cores each part used.

## Whole jobs

${parts.wholeJobs}

A whole job is every call of the stock CLI and the stock agent from the CLI's login to the end of the job, without the pauses
between them, with six phases, ten log fragments and an artifact of 100 KB. The *limit* is the least that the bare driver needs
to store the same: one command for each change that is acknowledged, no reads, no HTTP, and only the indexes that find and
remove the documents. It runs in the process of the load generator, with as many jobs at once.

## Growth

![Requests a second by the number of callers](performance-callers.svg)

![Claims a second by the number of waiting jobs](performance-depth.svg)

## Claims that wait

${parts.waiting}

Each parked claim has its own connection and agent, on 1,000 queues. A wake is the time from the response of a submit to the first
server until the response of the claim, on whichever server the claim is parked. A burst is 1,000 submits at once, one to each
queue: its time is from the first submit to the response of the last claim. *Idle* is half a minute in which no wait ends.
*Renewing* is a minute in which every wait ends and begins again.

## Large files

${parts.files}
`;
}
