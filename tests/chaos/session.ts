import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { StockSession, type Try, type TryAnswer } from '../actors/stock-session.js';
import type { SeededRandom } from '../support/seeded-random.js';
import type { CallRecord, Claim, WriteRecord } from './records.js';

/** The simulated process of one actor. It can be killed at any time, and stopped and continued. */
export class ActorProcess {
  readonly #killing = new AbortController();
  readonly dispatcher = new Agent({ connections: 1, headersTimeout: 30_000, bodyTimeout: 30_000 });
  #stopped: Promise<void> = Promise.resolve();

  get signal(): AbortSignal {
    return this.#killing.signal;
  }

  /** Ends the process and closes all its connections. */
  kill(): void {
    this.#killing.abort(new Error('killed'));
    void this.dispatcher.destroy();
  }

  /** Like SIGSTOP, followed by SIGCONT after `ms` milliseconds or when `early` resolves. */
  stop(ms: number, early: Promise<void>): Promise<void> {
    const over = new AbortController();
    const timer = sleep(ms, undefined, { signal: over.signal }).catch(() => undefined);
    this.#stopped = Promise.race([this.#stopped.then(() => timer), early]).finally(() => over.abort());
    return this.#stopped;
  }

  /** Waits while the process is stopped. Throws if it was killed. */
  async waitWhileStopped(): Promise<void> {
    await this.#stopped;
    this.signal.throwIfAborted();
  }

  async sleep(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.signal });
    await this.waitWhileStopped();
  }
}

/** Records what happens in the sessions of a run. */
export interface Journal {
  now(): number;
  /** Number of tries of all actors. */
  tries: number;
  /** The 500 responses, which no client should get. */
  serverErrors: string[];
  /** Factor for the durations of the agents' work. With 1 a job takes two or three seconds. */
  pace: number;
  /** Milliseconds, longer than a lease, for which an agent sometimes stops between its artifact and its outcome. */
  stallMs: number;
  /** Resolves when no more faults are made. */
  faultsOver: Promise<void>;
  stalls: number;
}

/** A session of an actor that can be killed and stopped. It records every try. */
export class ChaosSession extends StockSession {
  /** The claim that the calls about a job belong to. */
  claim: Claim | undefined;
  lastCall: CallRecord | undefined;

  constructor(
    url: string,
    readonly process: ActorProcess,
    readonly journal: Journal,
    readonly random: SeededRandom,
  ) {
    super({ url });
  }

  override async call(...given: Parameters<StockSession['call']>): ReturnType<StockSession['call']> {
    // An agent writes log fragments over time, not as fast as the server accepts them.
    const { process, random, journal } = this;
    if (given[1].includes('/log/')) await process.sleep(random.integer(20, 120) * journal.pace);
    const answer = await super.call(...given);
    // Artifact and outcome must belong to one attempt, and random faults rarely hit the time between them.
    if (given[1].endsWith('/artifact') && random.chance(0.08)) {
      journal.stalls += 1;
      await process.stop(journal.stallMs, journal.faultsOver);
      await process.waitWhileStopped();
    }
    return answer;
  }

  protected override async exchange(sent: Try): Promise<TryAnswer> {
    await this.process.waitWhileStopped();
    const call: CallRecord = {
      sentAt: this.journal.now(),
      method: sent.method,
      path: sent.path,
      outcome: 'unknown',
    };
    this.#recordCall(call, sent);
    try {
      const { dispatcher, signal } = this.process;
      const answer = await super.exchange(sent, { dispatcher, signal });
      this.#recordOutcome(call, answer);
      return answer;
    } catch (error) {
      call.error = `${(error as NodeJS.ErrnoException).code ?? ''} ${(error as Error).message}`;
      throw error;
    } finally {
      call.doneAt = this.journal.now();
      // A stopped process receives the response only when it continues.
      await this.process.waitWhileStopped();
    }
  }

  protected override pause(ms: number): Promise<void> {
    return this.process.sleep(ms);
  }

  #recordCall(call: CallRecord, { path, body }: Try): void {
    this.journal.tries += 1;
    this.lastCall = call;
    const { claim } = this;
    if (claim === undefined) return;
    claim.calls.push(call);
    const kind = readKind(call.method, path, claim.jobId);
    if (kind === undefined) return;
    claim.writes.push({ call, kind, body: typeof body === 'string' ? JSON.parse(body) : {} });
  }

  #recordOutcome(call: CallRecord, { statusCode: status, headers, bytes }: TryAnswer): void {
    call.status = status;
    if (status < 300) call.outcome = headers['queuepass-discarded'] ? 'discarded' : 'accepted';
    else if (status < 500) call.outcome = 'refused';
    if (status === 500)
      this.journal.serverErrors.push(`${call.method} ${call.path}: 500 ${bytes.toString()}`);
  }
}

function readKind(method: string, path: string, jobId: string): WriteRecord['kind'] | undefined {
  if (method !== 'POST') return undefined;
  const kinds: Record<string, WriteRecord['kind']> = {
    [`/v1/result/${jobId}`]: 'result',
    [`/v1/result/${jobId}/log/output`]: 'output',
    [`/v1/result/${jobId}/log/serial`]: 'serial',
    [`/v1/result/${jobId}/artifact`]: 'artifact',
  };
  return kinds[path];
}
