import { batchedRequest, batchedRoutes, batchedRow } from './batching-scenarios.js';
import { claimRow, claimsFrom, emptyPollRow, pollEmptyQueue } from './claim-scenarios.js';
import { measure } from './load.js';
import { type Scenario, timed } from './scenario.js';
import type { Setting } from './setting.js';
import { grantToken, seedToken } from './token-scenarios.js';

const tokenRow = (kind: string) => `${kind} token, server-made key, 64 callers`;

/** A row with two worker processes, compared with the row of one process. */
function withTwoWorkers(row: string, request: (setting: Setting, n: number) => Promise<unknown>): Scenario {
  return {
    name: `${row}, 2 workers`,
    against: [row],
    run: (setting, quick) => measure(timed(64, quick), async (n) => void (await request(setting, n))),
  };
}

/** The most frequent requests, with two workers. */
export const workerScenarios: readonly Scenario[] = [
  ...batchedRoutes.map((kind) =>
    withTwoWorkers(batchedRow(kind, 64), async (setting, n) => {
      const request = await batchedRequest(setting, kind);
      await request(setting.twoWorkers, setting, n % 64);
    }),
  ),
  withTwoWorkers(tokenRow('seed'), ({ twoWorkers, madeKey }) => seedToken(twoWorkers, 'made-0', madeKey)),
  withTwoWorkers(tokenRow('oauth2'), ({ twoWorkers, madeKey }) => grantToken(twoWorkers, 'made-0', madeKey)),
  withTwoWorkers(emptyPollRow, (setting, n) => pollEmptyQueue(setting, setting.twoWorkers, n)),
  {
    name: `${claimRow(64, 100)}, 2 workers`,
    against: [claimRow(64, 100)],
    run: (setting, quick) => claimsFrom(setting, quick, [setting.twoWorkers]),
  },
];
