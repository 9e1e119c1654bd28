import { Piscina } from 'piscina';
import { measure } from './load.js';
import { send, type Target } from './processes.js';
import { type Scenario, timed } from './scenario.js';
import type { Setting } from './setting.js';
import { bareKoaRow } from './yardsticks.js';

/** Logs in through GET authenticate/token, as stock clients do. */
export function seedToken(server: Target, clientId: string, key: string): Promise<unknown> {
  return send(server, 'GET', `/v1/authenticate/token/${clientId}`, { 'client-key': key });
}

/** Logs in with the client credentials grant. */
export function grantToken(server: Target, clientId: string, key: string): Promise<unknown> {
  const authorization = `Basic ${Buffer.from(`${clientId}:${key}`).toString('base64')}`;
  const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' };
  return send(server, 'POST', '/v1/oauth2/token', headers, 'grant_type=client_credentials');
}

type RequestToken = typeof seedToken;

function tokens(name: string, callers: number, requestToken: RequestToken, isMade: boolean): Scenario {
  const credentials = ({ madeKey, secret }: Setting) =>
    isMade ? (['made-0', madeKey] as const) : (['bcrypt-0', secret] as const);
  return {
    name: `${name}, ${isMade ? 'server-made key' : 'bcrypt key again'}, ${callers} callers`,
    against: [bareKoaRow(callers), `bare findOne, ${callers} callers`],
    async run(setting, quick) {
      const [clientId, key] = credentials(setting);
      await requestToken(setting.server, clientId, key);
      return measure(timed(callers, quick), async () => {
        await requestToken(setting.server, clientId, key);
      });
    },
  };
}

/** Number of logins that start the bcrypt threads before the measurement. */
const warmUps = 2;
const logins = ({ freshClients }: Setting) => ({ callers: 16, requests: freshClients - warmUps });

/** Measures logins by clients that the server has not cached. */
async function logInFresh(setting: Setting, server: Target) {
  const logIn = async (n: number) => void (await seedToken(server, `bcrypt-${n}`, setting.secret));
  await Promise.all(Array.from({ length: warmUps }, (_, n) => logIn(n)));
  return measure(logins(setting), (n) => logIn(warmUps + n));
}

/** Logins of every kind. */
export const tokenScenarios: readonly Scenario[] = [
  tokens('seed token', 1, seedToken, true),
  tokens('seed token', 1, seedToken, false),
  tokens('seed token', 16, seedToken, true),
  tokens('seed token', 16, seedToken, false),
  tokens('seed token', 64, seedToken, true),
  tokens('seed token', 64, seedToken, false),
  tokens('oauth2 token', 64, grantToken, true),
  tokens('oauth2 token', 64, grantToken, false),
  {
    name: 'bcryptjs alone in two worker threads',
    against: [],
    run: async (setting) => {
      const { db, secret } = setting;
      const record = await db.collection('client_permissions').findOne({ client_id: 'bcrypt-0' });
      const filename = new URL('../../dist/auth/bcrypt-worker.js', import.meta.url).href;
      const pool = new Piscina({ filename, minThreads: 2, maxThreads: 2 });
      const task = { secret, hash: record?.client_secret_hash as string };
      await Promise.all(Array.from({ length: warmUps }, () => pool.run(task)));
      const measured = await measure(logins(setting), async () => {
        await pool.run(task);
      });
      await pool.close();
      return measured;
    },
  },
  {
    name: 'seed token, bcrypt key first time, 16 callers',
    against: ['bcryptjs alone in two worker threads'],
    run: async (setting) => {
      const server = await setting.startFresh();
      const measured = await logInFresh(setting, server);
      server.stop();
      return measured;
    },
  },
  {
    name: 'get job meanwhile, 1 caller',
    against: [],
    run: async (setting, quick) => {
      const server = await setting.startFresh();
      const { submitter } = setting;
      const submitted = await send(server, 'POST', '/v1/job', submitter, '{"job_queue":"meanwhile"}');
      const path = `/v1/job/${(JSON.parse(submitted.text) as { job_id: string }).job_id}`;
      const read = async () => void (await send(server, 'GET', path, submitter));
      for (let n = 0; n < 50; n += 1) await read();
      const logins = logInFresh(setting, server);
      const measured = await measure({ callers: 1, seconds: quick ? 0.3 : 3 }, read);
      await logins;
      server.stop();
      return measured;
    },
  },
];
