import { execFileSync } from 'node:child_process';
import { cpus, loadavg, totalmem } from 'node:os';
import { presentTable } from '../../docs/pages/markdown.js';
import type { Goal } from './goals.js';
import type { Cores } from './load.js';
import type { Transfer } from './transfer.js';
import type { Waiting } from './waiting.js';

/** The machine was busy before the first row: then the rates are too low. */
const loadBefore = loadavg()[0] as number;

/** What a row spends its time on, from the cores that each part was busy with. */
export function nameBottleneck({ load, servers, mongod }: Cores): string {
  const shares = `server ${servers.toFixed(2)}, mongod ${mongod.toFixed(2)}, load ${load.toFixed(2)}`;
  const busy = load + servers + mongod;
  if (busy > 0.85 * cpus().length) return `the cores (${shares})`;
  if (servers > 0.9) return `the server's event loop (${shares})`;
  if (load > 0.9) return `the load's own process (${shares})`;
  return `waiting for answers and commits (${shares})`;
}

/** The goals and what became of them. */
export function presentGoals(goals: readonly Goal[]): string {
  return presentTable(
    ['goal', 'wanted', 'measured', ''],
    goals.map(({ what, wanted, measured, isMet }) => [what, wanted, measured, isMet ? 'met' : '**missed**']),
  );
}

/** What waiting claims cost. */
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

/** What large files cost. */
export function presentTransfers(transfers: readonly Transfer[]): string {
  return presentTable(
    ['one file', 's', 'MiB a second', 'most resident memory of the server, MiB'],
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
  parts: { rows: string; goals: string; waiting: string; files: string },
): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const busy =
    loadBefore < cpus().length / 2
      ? ''
      : `\n**The machine was busy with other work** (a load of ${loadBefore.toFixed(1)} before the first row), so rates are too low.\n`;
  return `<!-- Made by \`npm run bench -- --deep\`. -->
# Performance

Measured at commit ${commit}, Node ${process.versions.node}, on a machine of ${machine}: the load, the servers and mongod
share it, so rates are low and noisy, and the ratios are what counts. Each row is the round in the middle of ${rounds}; a ratio
is the middle of the rounds' own. Writes are acknowledged by a majority and journaled, in the bare rows too.
${busy}
## Goals

${parts.goals}

What was tried where a goal is missed: [goals of speed](../explanation/speed-goals.md). What breaks first as labs grow:
[scaling](../explanation/scaling.md).

## Routes

${parts.rows}

*Bare Koa* is a route that does one read of a client record and nothing else; the *bare* rows of MongoDB are the driver in
the load's own process, without HTTP. "bcrypt key first time" is a client that this process has not seen yet, at cost 10.
Claims run while as many jobs as named wait in the queue, plus up to one batch of 400 (1,600 with 64 callers). Before each row the same load ran for a moment. The last column is
measured, too: how many cores each part was busy with, of ${cpus().length}.

## As work grows

![Requests a second by the number of callers](performance-callers.svg)

![Claims a second by the number of waiting jobs](performance-depth.svg)

## Claims that wait

${parts.waiting}

Each has a connection and an agent of its own, on 1,000 queues. Wakes are from the answer of a submit to the first server to
the answer of the claim, wherever it is parked; a burst is 1,000 submits at once, one to each queue, from the first of them to
the last claim's answer. Idle is half a minute in which no wait ends;
*renewing* is a minute in which every wait ends and begins again.

## Large files

${parts.files}
`;
}
