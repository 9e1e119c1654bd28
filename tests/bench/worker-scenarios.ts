import { batchedRequest, batchedRoutes, batchedRow } from './batching-scenarios.js';
import { claimRow, claimsFrom, emptyPollRow, pollInVain } from './claim-scenarios.js';
import { measure } from './load.js';
import { type Scenario, timed } from './scenario.js';
import type { Setting } from './setting.js';
import { grantToken, seedToken } from './token-scenarios.js';

const tokenRow = (kind: string) => `${kind} token, server-made key, 64 callers`;

/** One server with two worker processes against the same of one process. */
function ofTwo(row: string, request: (setting: Setting, n: number) => Promise<unknown>): Scenario {
  return {
    name: `${row}, 2 workers`,
    against: [row],
    run: (setting, quick) => measure(timed(64, quick), async (n) => void (await request(setting, n))),
  };
}

/** What most requests are, with two workers. */
export const workerScenarios: readonly Scenario[] = [
  ...batchedRoutes.map((kind) =>
    ofTwo(batchedRow(kind, 64), async (setting, n) => {
      const request = await batchedRequest(setting, kind);
      await request(setting.twoWorkers, setting, n % 64);
    }),
  ),
  ofTwo(tokenRow('seed'), ({ twoWorkers, madeKey }) => seedToken(twoWorkers, 'made-0', madeKey)),
  ofTwo(tokenRow('oauth2'), ({ twoWorkers, madeKey }) => grantToken(twoWorkers, 'made-0', madeKey)),
  ofTwo(emptyPollRow, (setting, n) => pollInVain(setting, setting.twoWorkers, n)),
  {
    name: `${claimRow(64, 100)}, 2 workers`,
    against: [claimRow(64, 100)],
    run: (setting, quick) => claimsFrom(setting, quick, [setting.twoWorkers]),
  },
];
