import { cpus } from 'node:os';
import { presentTable } from '../../docs/pages/markdown.js';
import type { Goal } from './goal.js';
import type { Cores, Measured } from './load.js';
import { msEach } from './processor-time.js';
import type { Transfer } from './transfer.js';
import type { Waiting } from './waiting.js';

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
