import { type Measured, measure } from './load.js';
import { send, startTarget, type Target } from './processes.js';
import type { Scenario } from './scenario.js';

/** The row of health checks alone. */
export const healthRow = 'livez, 1 caller';

/** The row of health checks while bodies with 900,000 keys arrive. */
export const healthUnderBodiesRow = 'livez while bodies of 900,000 keys arrive at ten a second, 1 caller';

function measureHealth(server: Target, quick: boolean): Promise<Measured> {
  return measure({ callers: 1, seconds: quick ? 1 : 3 }, async () => {
    await send(server, 'GET', '/livez');
  });
}

/** Rows of clients that try to slow down the server for others. */
export const hostileScenarios: readonly Scenario[] = [
  { name: healthRow, against: [], run: ({ server }, quick) => measureHealth(server, quick) },
  {
    name: healthUnderBodiesRow,
    against: [healthRow],
    async run({ server }, quick) {
      const sender = await startTarget(['--import=tsx', 'tests/bench/large-body-sender.ts'], {
        TARGET_URL: server.url,
      });
      try {
        return await measureHealth(server, quick);
      } finally {
        sender.stop();
      }
    },
  },
];
