import type { ExecutionContext } from 'ava';
import { approveDevice } from './oidc/device-pages.js';
import type { Fault } from './oidc/faults.js';
import { type SignInWorld, type SignInWorldOptions, startSignInWorld } from './sign-in-world.js';
import type { TestServer } from './start-server.js';

/** A clock that a test sets. It begins a millisecond before a full second, since the first sign-in waits for the next one. */
export class DeviceClock {
  #ms = Math.ceil(Date.now() / 1000) * 1000 - 1;

  now(): Date {
    return new Date(this.#ms);
  }

  get inDatabase(): Date {
    return this.now();
  }

  pass(seconds: number): void {
    this.#ms += seconds * 1000;
  }
}

/** A response of the device flow. */
export interface DeviceAnswer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

/** A command line that asks a server to sign in a person. */
export class DeviceLogin {
  constructor(public server: TestServer) {}

  async post(path: string): Promise<DeviceAnswer> {
    const response = await this.server.request(path, { method: 'POST' });
    const text = await response.text();
    const { status, headers } = response;
    return { status, headers, body: JSON.parse(text) as Record<string, unknown> };
  }

  init = (): Promise<DeviceAnswer> => this.post('/oidc/auth-init');

  poll = (requestId: unknown): Promise<DeviceAnswer> => this.post(`/oidc/auth-poll/${String(requestId)}`);

  /** Begins a sign-in, and returns the request id and the code for the person. */
  async begin(): Promise<{ requestId: string; userCode: string }> {
    const { status, body } = await this.init();
    if (status !== 200) throw new Error(`auth-init: ${status} ${JSON.stringify(body)}`);
    return { requestId: String(body.request_id), userCode: String(body.user_code) };
  }
}

/** A server with a provider, a clock that the test sets, and a command line. */
export interface DeviceWorld extends SignInWorld {
  clock: DeviceClock;
  cli: DeviceLogin;
  /** Begins a sign-in that its person approves, and returns the request id. */
  approved(): Promise<string>;
}

/** Starts a provider, and a server that uses it, for sign-ins of command lines. */
export async function startDeviceWorld(
  t: ExecutionContext,
  options: SignInWorldOptions = {},
): Promise<DeviceWorld> {
  const clock = new DeviceClock();
  // The provider's ID tokens have the machine's time, which goes on while the clock stands still.
  const settings = { JWT_LEEWAY: '300', ...options.settings };
  const world = await startSignInWorld(t, { clock, ...options, settings });
  const cli = new DeviceLogin(world.server);
  const approved = async () => {
    const { requestId, userCode } = await cli.begin();
    await approveDevice(world.issuer.url, userCode);
    return requestId;
  };
  return { ...world, clock, cli, approved };
}

/** Returns the OWASP names of the security events of sign-ins, with the reasons of refusals. */
export function listSignIns({ logged }: TestServer): [name: string, reason?: string][] {
  const lines = logged.filter(
    ({ log, owasp }) => log === 'security' && String(owasp).startsWith('authn_login'),
  );
  return lines.map(({ owasp, reason }) =>
    reason === undefined ? [String(owasp)] : [String(owasp), String(reason)],
  );
}

/** The answer for a request id that is not known, was used or has expired: status, message, reason. */
export const unknownRequest = [400, 'Invalid or expired request_id', 'request_id_invalid'] as const;

/** A provider's answer of 6 MiB. */
export const huge: Fault = {
  status: 200,
  type: 'application/json',
  body: JSON.stringify({
    device_code: 'x',
    sub: '1701',
    email: 'ada@example.com',
    more: 'x'.repeat(6 << 20),
  }),
};

/** A provider's answer with this JSON. */
export const jsonOf = (body: unknown): Fault => ({
  status: 200,
  type: 'application/json',
  body: JSON.stringify(body),
});

/** The status and body of an answer, to compare with what `oauth` and `said` return. */
export const refused = ({ status, body }: DeviceAnswer) => [status, body];

/** The answer with an error in OAuth's form. */
export const oauth = (error: string) => [400, { error }];

/** The answer with a message. */
export const said = ([status, message]: readonly [number, string, ...unknown[]]) => [
  status,
  { message, detail: {} },
];

/** Counts the requests that asked the provider for tokens. */
export function countPolls({ issuer }: DeviceWorld): number {
  return issuer.requests.filter(({ endpoint }) => endpoint === 'token').length;
}
