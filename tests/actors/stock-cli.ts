import { setTimeout as sleep } from 'node:timers/promises';
import { multipartFile, type SessionOptions, StockSession } from './stock-session.js';

/** The credentials of the CLI: a client id and key, a stored refresh token, or none. */
export interface StockCliOptions extends SessionOptions {
  clientId?: string;
  clientKey?: string;
  refreshToken?: string;
  /** The session to use. By default the CLI creates its own. */
  session?: StockSession;
  /** Waits between two polls of a login. */
  sleep?: (seconds: number) => Promise<void> | void;
}

/** Seconds between two polls of a login if the server does not say (RFC 8628, section 3.2). */
const defaultInterval = 5;

/** A CLI that makes the stock CLI's calls in its order (v1 contract, section 8). */
export class StockCli {
  readonly session: StockSession;
  /** The lines that it printed for the person. */
  readonly printed: string[] = [];
  /** The refresh token that a login stored for later runs. */
  storedToken: string | undefined;

  constructor(readonly options: StockCliOptions) {
    this.session = options.session ?? new StockSession(options);
  }

  /** Makes the calls with which every run of the CLI starts. */
  async start(): Promise<void> {
    const { clientId, clientKey, refreshToken } = this.options;
    if (clientId !== undefined) {
      const basic = Buffer.from(`${clientId}:${clientKey}`).toString('base64');
      await this.#logIn('/v1/oauth2/token', undefined, { authorization: `Basic ${basic}` });
    } else if (refreshToken !== undefined) {
      await this.#logIn('/v1/oauth2/refresh', { refresh_token: refreshToken });
    } else {
      await this.logIn();
    }
  }

  /**
   * `login`: prints the address and the code of the device flow, and asks at the given interval until the person has approved.
   * @returns `false` after 404: the server has no sign-in, and the CLI goes on without a login
   * @throws Error with the server's error, for a person who refused or was too late
   */
  async logIn(): Promise<boolean> {
    const begun = await this.session.call('POST', '/oidc/auth-init');
    if (begun.status === 404) return false;
    if (begun.status !== 200) throw new Error(`login: ${begun.text}`);
    const { request_id: id, user_code: code, verification_uri: address, interval } = begun.json();
    this.printed.push(`Open ${String(address)} and enter the code ${String(code)}`);
    let seconds = typeof interval === 'number' ? interval : defaultInterval;
    for (;;) {
      const answer = await this.session.call('POST', `/oidc/auth-poll/${String(id)}`);
      if (answer.status === 200) {
        this.session.accessToken = String(answer.json().access_token);
        this.storedToken = String(answer.json().refresh_token);
        return true;
      }
      const { error } = answer.json();
      if (answer.status !== 400 || (error !== 'authorization_pending' && error !== 'slow_down'))
        throw new Error(`login: ${String(error ?? answer.json().message)}`);
      if (error === 'slow_down') seconds += Number(answer.headers['retry-after']);
      await this.#sleep(seconds);
    }
  }

  /** `submit`: returns the job's id. The CLI treats every status except 200 as an error. */
  async submit(
    job: Record<string, unknown> & { job_queue: string },
    attachments?: Buffer,
    headers?: Record<string, string>,
  ): Promise<string> {
    const agents = await this.session.call('GET', `/v1/queues/${encodeURIComponent(job.job_queue)}/agents`);
    if (![200, 404].includes(agents.status)) throw new Error(`agents: ${agents.status}`);
    const answer = await this.session.call('POST', '/v1/job', job, headers);
    if (answer.status !== 200) throw new Error(`submit: ${answer.status} ${answer.text}`);
    const id = answer.json().job_id as string;
    if (attachments) {
      const { body, headers } = multipartFile(attachments, 'attachments.tar.gz', 'application/x-gzip');
      const sent = await this.session.call('POST', `/v1/job/${id}/attachments`, body, headers);
      if (sent.status !== 200) throw new Error(`attachments: ${sent.status} ${sent.text}`);
    }
    return id;
  }

  /** `poll`: makes one round of calls. Returns the state, and the output from fragment `from` on. */
  async poll(
    id: string,
    from = 0,
  ): Promise<{ state: string; output: string; next: number; position?: number }> {
    const result = await this.session.call('GET', `/v1/result/${id}`);
    const state = result.status === 204 ? 'unknown' : String(result.json().job_state);
    const log = await this.session.call('GET', `/v1/result/${id}/log/output?start_fragment=${from}`);
    const phases = (log.json().output ?? {}) as Record<
      string,
      { last_fragment_number: number; log_data: string }
    >;
    const parts = Object.values(phases);
    const next = Math.max(from, ...parts.map((part) => part.last_fragment_number + 1));
    const output = parts.map((part) => part.log_data).join('');
    if (state !== 'waiting') return { state, output, next };
    const position = await this.session.call('GET', `/v1/job/${id}/position`);
    return { state, output, next, position: Number(position.text) };
  }

  async cancel(id: string): Promise<number> {
    return (await this.session.call('POST', `/v1/job/${id}/action`, { action: 'cancel' })).status;
  }

  async #sleep(seconds: number): Promise<void> {
    await (this.options.sleep ?? ((s) => sleep(s * 1000)))(seconds);
  }

  async #logIn(path: string, body: unknown, headers?: Record<string, string>): Promise<void> {
    const answer = await this.session.call('POST', path, body, headers);
    if (answer.status !== 200) throw new Error(`log in: ${answer.status} ${answer.text}`);
    this.session.accessToken = answer.json().access_token as string;
  }
}
