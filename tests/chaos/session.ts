import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { StockSession, type Try, type TryAnswer } from '../actors/stock-session.js';
import type { SeededRandom } from '../support/seeded-random.js';
import type { CallRecord, Claim, WriteRecord } from './records.js';

/** The life of one actor's process: it can be killed at any moment, and stopped and continued. */
export class Life {
  readonly #killing = new AbortController();
  readonly dispatcher = new Agent({ connections: 1, headersTimeout: 30_000, bodyTimeout: 30_000 });
  #stopped: Promise<void> = Promise.resolve();

  get signal(): AbortSignal {
    return this.#killing.signal;
  }

  /** Nothing of it goes on, and all its connections are gone. */
  kill(): void {
    this.#killing.abort(new Error('killed'));
    void this.dispatcher.destroy();
  }

  /** As SIGSTOP, and SIGCONT after so many milliseconds or when `early` resolves. */
  stop(ms: number, early: Promise<void>): Promise<void> {
    const over = new AbortController();
    const timer = sleep(ms, undefined, { signal: over.signal }).catch(() => undefined);
    this.#stopped = Promise.race([this.#stopped.then(() => timer), early]).finally(() => over.abort());
    return this.#stopped;
  }

  /** Resolves while it runs; throws when it was killed. */
  async goOn(): Promise<void> {
    await this.#stopped;
    this.signal.throwIfAborted();
  }

  async sleep(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.signal });
    await this.goOn();
  }
}

/** Where the sessions of a run tell what happened. */
export interface Journal {
  now(): number;
  /** Tries in all. */
  tries: number;
  /** Answers that no client should get: what the server calls its own fault. */
  serverErrors: string[];
  /** By which the times of agents at work are multiplied; 1 gives a job of two or three seconds. */
  pace: number;
  /** Milliseconds, more than a lease, that an agent now and then stalls between its artifact and its outcome. */
  stallMs: number;
  /** Resolves when no faults are made any more. */
  calm: Promise<void>;
  stalls: number;
}

/** A session of an actor that can be killed and stopped, which writes down every try. */
export class ChaosSession extends StockSession {
  /** The claim that the calls about a job belong to. */
  claim: Claim | undefined;
  lastCall: CallRecord | undefined;

  constructor(
    url: string,
    readonly life: Life,
    readonly journal: Journal,
    readonly random: SeededRandom,
  ) {
    super({ url });
  }

  override async call(...given: Parameters<StockSession['call']>): ReturnType<StockSession['call']> {
    // Pieces of a log come one after the other, and not as fast as the server takes them.
    const { life, random, journal } = this;
    if (given[1].includes('/log/')) await life.sleep(random.integer(20, 120) * journal.pace);
    const answer = await super.call(...given);
    // Both belong to one attempt, and faults at random hardly ever come between them.
    if (given[1].endsWith('/artifact') && random.chance(0.08)) {
      journal.stalls += 1;
      await life.stop(journal.stallMs, journal.calm);
      await life.goOn();
    }
    return answer;
  }

  protected override async exchange(sent: Try): Promise<TryAnswer> {
    await this.life.goOn();
    const call: CallRecord = {
      sentAt: this.journal.now(),
      method: sent.method,
      path: sent.path,
      outcome: 'unknown',
    };
    this.#note(call, sent);
    try {
      const { dispatcher, signal } = this.life;
      const answer = await super.exchange(sent, { dispatcher, signal });
      this.#judge(call, answer);
      return answer;
    } catch (error) {
      call.error = `${(error as NodeJS.ErrnoException).code ?? ''} ${(error as Error).message}`;
      throw error;
    } finally {
      call.doneAt = this.journal.now();
      // A stopped process learns of the answer when it goes on.
      await this.life.goOn();
    }
  }

  protected override pause(ms: number): Promise<void> {
    return this.life.sleep(ms);
  }

  #note(call: CallRecord, { path, body }: Try): void {
    this.journal.tries += 1;
    this.lastCall = call;
    const { claim } = this;
    if (claim === undefined) return;
    claim.calls.push(call);
    const kind = readKind(call.method, path, claim.jobId);
    if (kind === undefined) return;
    claim.writes.push({ call, kind, body: typeof body === 'string' ? JSON.parse(body) : {} });
  }

  #judge(call: CallRecord, { statusCode: status, headers, bytes }: TryAnswer): void {
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
