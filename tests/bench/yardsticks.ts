import { measure } from './load.js';
import { send } from './processes.js';
import { type Scenario, timed } from './scenario.js';
import { makeStoredJob, type Setting } from './setting.js';

/** The name of the row for a Koa route that does one read and nothing else. */
export const bareKoaRow = (callers: number): string => `bare Koa, one read, ${callers} callers`;

const bareKoa = (callers: number): Scenario => ({
  name: bareKoaRow(callers),
  against: [],
  run: (setting, quick) =>
    measure(timed(callers, quick), async () => void (await send(setting.bareKoa, 'GET', '/'))),
});

function bare(operation: string, callers: number, run: (setting: Setting) => Promise<unknown>): Scenario {
  return {
    name: `bare ${operation}, ${callers} callers`,
    against: [],
    run: (setting, quick) => measure(timed(callers, quick), async () => void (await run(setting))),
  };
}

const bareRead = (callers: number): Scenario =>
  bare('findOne', callers, ({ db }) =>
    db.collection('client_permissions').findOne({ client_id: 'bcrypt-0' }),
  );

const bareInsert = (callers: number): Scenario =>
  bare('insertOne', callers, ({ db }) => db.collection('bare').insertOne(makeStoredJob('bare')));

/** The baselines of the other scenarios: a route that does the minimum work, and the driver without HTTP. */
export const yardsticks: readonly Scenario[] = [
  bareKoa(1),
  bareKoa(16),
  bareKoa(64),
  bareRead(1),
  bareRead(16),
  bareRead(64),
  bareInsert(1),
  bareInsert(16),
  bareInsert(64),
];
