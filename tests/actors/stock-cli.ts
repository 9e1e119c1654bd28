import { multipartFile, type SessionOptions, StockSession } from './stock-session.js';

/** The credentials of the CLI: a client id and key, a stored refresh token, or none. */
export interface StockCliOptions extends SessionOptions {
  clientId?: string;
  clientKey?: string;
  refreshToken?: string;
  /** The session to use. By default the CLI creates its own. */
  session?: StockSession;
}

/** A CLI that makes the stock CLI's calls in its order (v1 contract, section 8). */
export class StockCli {
  readonly session: StockSession;

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
      const answer = await this.session.call('POST', '/oidc/auth-init');
      if (answer.status !== 404)
        throw new Error(`auth-init: ${answer.status}, but the CLI continues only after 404`);
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

  async #logIn(path: string, body: unknown, headers?: Record<string, string>): Promise<void> {
    const answer = await this.session.call('POST', path, body, headers);
    if (answer.status !== 200) throw new Error(`log in: ${answer.status} ${answer.text}`);
    this.session.accessToken = answer.json().access_token as string;
  }
}
