import test, { type ExecutionContext } from 'ava';
import { type DeviceWorld, listSignIns, startDeviceWorld } from '../support/device-flow.js';
import { approveDevice, denyDevice } from '../support/oidc/device-pages.js';
import { oauthError } from '../support/oidc/faults.js';
import type { SignInWorldOptions } from '../support/sign-in-world.js';
import { startServer } from '../support/start-server.js';
import { StockCli } from './stock-cli.js';

interface Login extends DeviceWorld {
  stock: StockCli;
  /** The seconds that the CLI slept. */
  slept: number[];
  userCode(): string;
}

/** A server, and a stock CLI whose sleep moves the server's clock and then calls `whileAsleep`. */
async function startLogin(
  t: ExecutionContext,
  whileAsleep: (login: Login) => Promise<unknown>,
  options: SignInWorldOptions = {},
): Promise<Login> {
  const world = await startDeviceWorld(t, options);
  const slept: number[] = [];
  const login: Login = {
    ...world,
    slept,
    stock: new StockCli({
      url: world.server.url,
      backoffMs: [],
      sleep: async (seconds) => {
        slept.push(seconds);
        world.clock.pass(seconds);
        await whileAsleep(login);
      },
    }),
    userCode: () => login.stock.printed[0]?.split(' ').at(-1) ?? '',
  };
  return login;
}

test('the stock CLI logs a person in, submits a job, and starts later with the stored token', async (t) => {
  const login = await startLogin(t, async ({ issuer, slept, userCode }) => {
    if (slept.length === 2) await approveDevice(issuer.url, userCode());
  });
  const { issuer, server, stock, slept } = login;
  t.true(await stock.logIn());
  t.deepEqual(slept, [5, 5]);
  t.is(stock.printed[0], `Open ${issuer.url}/oauth/device and enter the code ${login.userCode()}`);
  const id = await stock.submit({ job_queue: 'q1' });
  const job = await server.deps.collections.jobs.findOne({ job_id: id });
  t.is(job?.submitted_by, issuer.person.email);
  const later = new StockCli({ url: server.url, refreshToken: stock.storedToken as string });
  await later.start();
  t.is((await later.poll(id)).state, 'waiting');
  t.deepEqual(listSignIns(server), [[`authn_login_success:${issuer.person.email}`]]);
});

test('the stock CLI keeps the interval that the provider gives, and is never slowed down for it', async (t) => {
  const login = await startLogin(t, async ({ issuer, slept, userCode }) => {
    if (slept.length === 4) await approveDevice(issuer.url, userCode());
  });
  login.issuer.spoil.change('device_authorization', { interval: 7 });
  await login.stock.logIn();
  t.deepEqual(login.slept, [7, 7, 7, 7]);
});

test('the stock CLI asks more slowly after slow_down', async (t) => {
  const login = await startLogin(t, async ({ issuer, slept, userCode }) => {
    if (slept.length === 2) await approveDevice(issuer.url, userCode());
  });
  login.issuer.spoil.answer('token', { ...oauthError('slow_down'), times: 1 });
  await login.stock.logIn();
  t.deepEqual(login.slept, [10, 10]);
});

test('the stock CLI reports that a person refused, or that the code expired', async (t) => {
  const denied = await startLogin(t, ({ issuer, userCode }) => denyDevice(issuer.url, userCode()));
  await t.throwsAsync(denied.stock.logIn(), { message: 'login: access_denied' });
  const late = await startLogin(t, async ({ issuer }) =>
    issuer.spoil.answer('token', oauthError('expired_token')),
  );
  await t.throwsAsync(late.stock.logIn(), { message: 'login: expired_token' });
  const later = await startLogin(t, async () => undefined, { issuer: { deviceCodeSeconds: 12 } });
  await t.throwsAsync(later.stock.logIn(), { message: 'login: Invalid or expired request_id' });
  t.deepEqual(later.slept, [5, 5, 5]);
  for (const { stock } of [denied, late, later]) t.is(stock.storedToken, undefined);
});

test('the stock CLI needs a login while OIDC is on, and goes on without one while it is off', async (t) => {
  const { server } = await startDeviceWorld(t);
  const anonymous = new StockCli({ url: server.url });
  await t.throwsAsync(anonymous.submit({ job_queue: 'q' }), { message: 'agents: 401' });
  const open = await startServer(t);
  const fallback = new StockCli({ url: open.url });
  t.false(await fallback.logIn());
  t.deepEqual(fallback.session.calls, ['POST /oidc/auth-init']);
  t.regex(await fallback.submit({ job_queue: 'q' }), /^[0-9a-f-]{36}$/);
});
