import { batchedRequest, batchedRow } from './batching-scenarios.js';
import { claimRow, claimsFrom } from './claim-scenarios.js';
import { measure } from './load.js';
import { type Scenario, timed } from './scenario.js';
import { seedToken } from './token-scenarios.js';

const seedRow = 'seed token, server-made key, 64 callers';

/** What most requests are, of one server with two worker processes against the same of one process. */
export const workerScenarios: readonly Scenario[] = [
  ...['submit', 'log post of 1 KB', 'heartbeat'].map(
    (kind): Scenario => ({
      name: `${batchedRow(kind, 64)}, 2 workers`,
      against: [batchedRow(kind, 64)],
      run: async (setting, quick) => {
        const request = await batchedRequest(setting, kind);
        return measure(timed(64, quick), async (n) => {
          await request(setting.twoWorkers, setting, n % 64);
        });
      },
    }),
  ),
  {
    name: `${seedRow}, 2 workers`,
    against: [seedRow],
    run: ({ twoWorkers, madeKey }, quick) =>
      measure(timed(64, quick), async () => {
        await seedToken(twoWorkers, 'made-0', madeKey);
      }),
  },
  {
    name: `${claimRow(64, 100)}, 2 workers`,
    against: [claimRow(64, 100)],
    run: (setting, quick) => claimsFrom(setting, quick, [setting.twoWorkers]),
  },
];
