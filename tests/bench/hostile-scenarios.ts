import { type Measured, measure } from './load.js';
import { send, startTarget, type Target } from './processes.js';
import type { Scenario } from './scenario.js';

/** The row of health checks alone. */
export const healthRow = 'livez, 1 caller';

/** The row of health checks while bodies with 900,000 keys arrive. */
export const healthUnderBodiesRow = 'livez while bodies of 900,000 keys arrive at ten a second, 1 caller';

/** What a large body mainly consists of. */
export type LargeBody = 'keys' | 'digits' | 'escapes';

function measureHealth(server: Target, quick: boolean): Promise<Measured> {
  return measure({ callers: 1, seconds: quick ? 1 : 3 }, async () => {
    await send(server, 'GET', '/livez');
  });
}

/** Returns the row of health checks while large bodies arrive. */
function healthUnderBodies(name: string, kind: LargeBody, perSecond: number): Scenario {
  return {
    name,
    against: [healthRow],
    async run({ server }, quick) {
      const sender = await startTarget(['--import=tsx', 'tests/bench/large-body-sender.ts'], {
        TARGET_URL: server.url,
        LARGE_BODY: kind,
        PER_SECOND: String(perSecond),
      });
      try {
        return await measureHealth(server, quick);
      } finally {
        sender.stop();
      }
    },
  };
}

/** Rows of clients that try to slow down the server for others. */
export const hostileScenarios: readonly Scenario[] = [
  { name: healthRow, against: [], run: ({ server }, quick) => measureHealth(server, quick) },
  healthUnderBodies(healthUnderBodiesRow, 'keys', 10),
  healthUnderBodies(
    'livez while numbers of 16,000,000 digits arrive at three a second, 1 caller',
    'digits',
    3,
  ),
  healthUnderBodies(
    'livez while 7,500,000 escapes and a long number arrive at three a second, 1 caller',
    'escapes',
    3,
  ),
];
