import { type Answer, multipartFile, type SessionOptions, StockSession } from './stock-session.js';

/** The phases of every job that the stock agent runs, including phases without data. */
export const phases = ['setup', 'provision', 'firmware_update', 'test', 'allocate', 'reserve'] as const;

/** The configuration of an agent. */
export interface StockAgentOptions extends SessionOptions {
  name: string;
  queues: readonly string[];
  /** The refresh token from the agent's token file. */
  refreshToken: string;
  /** Called when the agent enters a phase. A test can abort the job by throwing an error. */
  onPhase?: (phase: string) => void | Promise<void>;
  /** Queues that the agent advertises when it starts, with their descriptions. */
  advertised?: Record<string, string>;
  images?: Record<string, Record<string, string>>;
  /** The session to use. By default the agent creates its own. */
  session?: StockSession;
}

/** A job as the agent received it. */
export type AgentJob = Record<string, unknown> & { job_id: string };

/** An agent that makes the stock agent's calls in its order (v1 contract, section 8). */
export class StockAgent {
  readonly session: StockSession;
  #fragment = { output: 0, serial: 0 };

  constructor(readonly options: StockAgentOptions) {
    this.session = options.session ?? new StockSession(options);
  }

  async start(): Promise<void> {
    await this.#refresh();
    await this.#postData({ state: 'waiting', comment: '' });
    const { advertised, images, queues } = this.options;
    if (advertised) await this.#call('POST', '/v1/agents/queues', advertised);
    if (images) await this.#call('POST', '/v1/agents/images', images);
    await this.#postData({
      location: 'lab',
      queues: [...queues],
      provision_type: 'noprovision',
      identifier: 'id-1',
    });
  }

  /** Polls once for a job. Returns `undefined` when no job is waiting. */
  async poll(): Promise<AgentJob | undefined> {
    await this.#call('GET', '/v1');
    for (let n = 0; n < 3; n += 1) await this.#getSelf();
    const self = (await this.#getSelf()).json();
    const restricted = Object.entries((self.restricted_to ?? {}) as Record<string, string[]>);
    const owned = restricted.filter(([, owners]) => owners.length > 0).map(([queue]) => queue);
    const queues = owned.length > 0 ? owned : this.options.queues;
    const answer = await this.#call(
      'GET',
      `/v1/job?${queues.map((q) => `queue=${encodeURIComponent(q)}`).join('&')}`,
    );
    return answer.status === 204 ? undefined : (answer.json() as AgentJob);
  }

  /** Runs a claimed job to its end, with a serial log and an artifact. Returns the statuses that it posted. */
  async run(job: AgentJob, artifact: Buffer = Buffer.from('artifact')): Promise<Record<string, number>> {
    const { job_id: id } = job;
    this.#fragment = { output: 0, serial: 0 };
    await this.#postData({ job_id: id });
    if (job.attachments_status === 'complete') await this.#call('GET', `/v1/job/${id}/attachments`);
    const status: Record<string, number> = {};
    for (const phase of phases) {
      if (await this.#isCancelled(id)) {
        status.test = 247;
        await this.#post(`/v1/result/${id}`, { status });
        break;
      }
      await this.#runPhase(job, phase, status);
    }
    await this.#enterPhase(id, 'cleanup');
    await this.#finish(id, status, artifact);
    return status;
  }

  async #runPhase(job: AgentJob, phase: string, status: Record<string, number>): Promise<void> {
    const { job_id: id } = job;
    await this.#enterPhase(id, phase);
    await this.options.onPhase?.(phase);
    if (!(`${phase}_data` in job)) return;
    for (let line = 1; line <= 3; line += 1) await this.#log(id, 'output', phase, `${phase} line ${line}\n`);
    if (phase !== 'provision') await this.#call('GET', `/v1/result/${id}`);
    await this.#log(id, 'output', phase, `${phase} ends\n`);
    await this.#log(id, 'serial', phase, `${phase} serial\u0000\u001b[0m\n`);
    status[phase] = this.exitCode();
    await this.#post(`/v1/result/${id}`, { status });
  }

  /** The exit code of each phase. */
  protected exitCode(): number {
    return 0;
  }

  /** The device information that the agent posts. */
  protected deviceInfo(): Record<string, unknown> {
    return { 'a.b': '$c' };
  }

  /** The text of a log fragment as it is sent, given its number and the plain text. */
  protected logText(_type: 'output' | 'serial', _number: number, plain: string): string {
    return plain;
  }

  /** Posts the outcome of a job. After a restart, posts the last status of a run whose outcome was not sent. */
  protected async sendOutcome(id: string, status: Record<string, number>): Promise<void> {
    await this.#post(`/v1/result/${id}`, { status, device_info: this.deviceInfo(), job_state: 'complete' });
  }

  async #enterPhase(id: string, phase: string): Promise<void> {
    await this.#getSelf();
    await this.#getSelf();
    await this.#post(`/v1/result/${id}`, { job_state: phase });
    await this.#postData({ state: phase, comment: '' });
  }

  async #finish(id: string, status: Record<string, number>, artifact: Buffer): Promise<void> {
    const { body, headers } = multipartFile(artifact, 'artifact.tar.gz', 'application/x-gzip');
    await this.#call('POST', `/v1/result/${id}/artifact`, body, headers);
    await this.sendOutcome(id, status);
    const provision = { job_id: id, exit_code: 0, detail: 'no detail' };
    await this.#post(`/v1/agents/provision_logs/${this.options.name}`, provision);
    await this.#call('GET', '/v1');
    await this.#postData({ job_id: '' });
    await this.#postData({ state: 'waiting' });
  }

  async #isCancelled(id: string): Promise<boolean> {
    const answer = await this.#call('GET', `/v1/result/${id}`);
    return answer.status === 200 && answer.json().job_state === 'cancelled';
  }

  #log(id: string, type: 'output' | 'serial', phase: string, text: string): Promise<Answer> {
    const timestamp = new Date().toISOString().replace('Z', '+00:00');
    const number = this.#fragment[type]++;
    const log_data = this.logText(type, number, text);
    const fragment = { fragment_number: number, timestamp, phase, log_data };
    return this.#post(`/v1/result/${id}/log/${type}`, fragment);
  }

  #getSelf(): Promise<Answer> {
    return this.#call('GET', `/v1/agents/data/${encodeURIComponent(this.options.name)}`);
  }

  #postData(data: object): Promise<Answer> {
    return this.#post(`/v1/agents/data/${encodeURIComponent(this.options.name)}`, data);
  }

  #post(path: string, body: object): Promise<Answer> {
    return this.#call('POST', path, body);
  }

  /** After a 401 the agent refreshes its token and sends the request once more. Any other failure throws. */
  async #call(
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer> {
    let answer = await this.session.call(method, path, body, headers);
    if (answer.status === 401) {
      await this.#refresh();
      answer = await this.session.call(method, path, body, headers);
    }
    if (answer.status >= 300 && answer.status !== 404) {
      throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    }
    return answer;
  }

  async #refresh(): Promise<void> {
    const answer = await this.session.call('POST', '/v1/oauth2/refresh', {
      refresh_token: this.options.refreshToken,
    });
    if (answer.status !== 200) throw new Error(`refresh: ${answer.status} ${answer.text}`);
    this.session.accessToken = answer.json().access_token as string;
  }
}
