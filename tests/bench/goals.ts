import { batchedRoutes, batchedRow } from './batching-scenarios.js';
import type { Churn } from './churn.js';
import { listChurnGoals } from './churn-page.js';
import { awaitingRow, claimRow } from './claim-scenarios.js';
import { type Goal, maximumGoal, minimumGoal } from './goal.js';
import { healthRow, healthUnderBodiesRow } from './hostile-scenarios.js';
import type { Measured } from './load.js';
import { msEach } from './processor-time.js';
import type { SlowReaders } from './slow-readers.js';
import type { Waiting } from './waiting.js';
import { limitRow, wholeJobsRow } from './whole-job-scenarios.js';
import { bareKoaRow } from './yardsticks.js';

/** The least acknowledged write. */
const bareWrite = 'bare insertOne, 1 callers';

/** Access to the measurements of a run. */
export interface Results {
  has(row: string): boolean;
  row(name: string): Measured;
  /** The median of the ratios in each round. */
  ratio(row: string, other: string): number;
  waiting(servers: number): Waiting | undefined;
  slowReaders(): SlowReaders | undefined;
  churn(): Churn | undefined;
}

/** Compares the measurements of a run with the project's performance goals. */
export function compareWithGoals(results: Results): Goal[] {
  const { ratio, row } = results;
  const deepest = [1_000_000, 100_000].find((depth) => results.has(claimRow(8, depth))) ?? 100;
  const parked = results.waiting(1);
  const across = results.waiting(2);
  const slow = results.slowReaders();
  const churn = results.churn();
  return [
    minimumGoal('whole jobs, relative to their limit', 0.5, ratio(wholeJobsRow, limitRow)),
    maximumGoal(
      "mongod's processor time of a whole job, relative to that of the limit",
      1.5,
      msEach(row(wholeJobsRow), 'mongod') / msEach(row(limitRow), 'mongod'),
      'times',
    ),
    minimumGoal(
      'claims, 8 callers, relative to bare `findOneAndUpdate`',
      0.8,
      ratio(claimRow(8, 100), 'bare findOneAndUpdate, 8 callers'),
    ),
    minimumGoal(
      'claims, 64 callers, relative to bare `findOneAndUpdate`',
      2.5,
      ratio(claimRow(64, 100), 'bare findOneAndUpdate, 64 callers'),
    ),
    minimumGoal(
      `claims at ${deepest.toLocaleString('en')} waiting jobs, relative to claims at 100`,
      0.8,
      ratio(claimRow(8, deepest), claimRow(8, 100)),
    ),
    minimumGoal(
      'claims past 10,000 jobs that await attachments, relative to claims at 100',
      0.8,
      ratio(awaitingRow, claimRow(8, 100)),
    ),
    minimumGoal(
      'claims from two servers, relative to claims from one',
      0.9,
      ratio('claim, 64 callers, from two servers', claimRow(64, 100)),
    ),
    ...batchedRoutes.flatMap((kind) => [
      minimumGoal(
        `${kind}, 64 callers, relative to bare \`insertOne\``,
        2,
        ratio(batchedRow(kind, 64), 'bare insertOne, 64 callers'),
      ),
      minimumGoal(
        `${kind}, 16 callers, relative to batching off`,
        2.4,
        ratio(batchedRow(kind, 16), batchedRow(kind, 16, true)),
      ),
    ]),
    minimumGoal(
      'empty polls, 64 callers, relative to bare `findOne`',
      2.5,
      ratio('empty poll, 64 callers', 'bare findOne, 64 callers'),
    ),
    ...['server-made key', 'bcrypt key again'].flatMap((key) => [
      minimumGoal(
        `seed tokens, ${key}, 64 callers, relative to bare Koa`,
        1.6,
        ratio(`seed token, ${key}, 64 callers`, bareKoaRow(64)),
      ),
      minimumGoal(
        `oauth2 tokens, ${key}, 64 callers, relative to bare Koa`,
        1.2,
        ratio(`oauth2 token, ${key}, 64 callers`, bareKoaRow(64)),
      ),
    ]),
    minimumGoal(
      'logins with an uncached bcrypt key, relative to bcryptjs alone in two worker threads',
      0.9,
      ratio('seed token, bcrypt key first time, 16 callers', 'bcryptjs alone in two worker threads'),
    ),
    maximumGoal(
      'p99 of another route during those logins, relative to bare Koa without logins',
      2.5,
      row('get job meanwhile, 1 caller').p99 / row(bareKoaRow(1)).p99,
      'times',
    ),
    maximumGoal(
      'p99 of `/livez` while bodies of 900,000 keys arrive, relative to without',
      10,
      row(healthUnderBodiesRow).p99 / row(healthRow).p99,
      'times',
    ),
    ...(churn ? listChurnGoals(churn) : []),
    ...(across
      ? [
          maximumGoal(
            'wake across two servers, p50, relative to bare `insertOne`',
            5,
            across.wakeP50 / row(bareWrite).p50,
            'times',
          ),
          maximumGoal(
            'wake across two servers, p99, relative to bare `insertOne`',
            7,
            across.wakeP99 / row(bareWrite).p99,
            'times',
          ),
          minimumGoal(
            'wakes, 1,000 simultaneous submits to 1,000 queues, relative to bare `findOneAndUpdate`',
            0.9,
            across.burstRate / row('bare findOneAndUpdate, 64 callers').rate,
          ),
        ]
      : []),
    ...(slow
      ? [
          maximumGoal(
            `memory of each of ${slow.readers} clients that read a log of 50 MiB at 1 KB/s`,
            1,
            slow.mibEach,
            'MiB',
          ),
        ]
      : []),
    ...(parked
      ? [
          maximumGoal('memory of each of 10,000 parked claims', 40, parked.kibEach, 'KiB'),
          maximumGoal(
            'processor time of the servers while 10,000 claims are parked, relative to 1,000 bare Koa reads a second',
            0.2,
            // The reads are the least that polling would need, with each agent asking every 10 s.
            (parked.idlePercent * 10) / (1000 * msEach(row(bareKoaRow(16)), 'servers')),
            'times',
            2,
          ),
        ]
      : []),
  ];
}
