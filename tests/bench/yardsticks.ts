import { measure } from './load.js';
import { send } from './processes.js';
import { type Scenario, timed } from './scenario.js';
import { makeStoredJob } from './setting.js';

function bareInsert(callers: number): Scenario {
  return {
    name: `bare insertOne, ${callers} callers`,
    against: [],
    run: ({ db }, quick) =>
      measure(timed(callers, quick), async () => {
        await db.collection('bare').insertOne(makeStoredJob('bare'));
      }),
  };
}

function bareRead(callers: number): Scenario {
  return {
    name: `bare findOne, ${callers} callers`,
    against: [],
    run: ({ db }, quick) =>
      measure(timed(callers, quick), async () => {
        await db.collection('client_permissions').findOne({ client_id: 'bcrypt-0' });
      }),
  };
}

/** What the others are compared with: the least that a route could do, and the driver without any HTTP. */
export const yardsticks: readonly Scenario[] = [
  {
    name: 'bare Koa, one read',
    against: [],
    run: ({ bareKoa }, quick) =>
      measure(timed(16, quick), async () => {
        await send(bareKoa, 'GET', '/');
      }),
  },
  bareRead(16),
  bareRead(64),
  bareInsert(1),
  bareInsert(16),
  bareInsert(64),
];
