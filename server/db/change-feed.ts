import { setTimeout as wait } from 'node:timers/promises';
import {
  type AbstractCursor,
  type ChangeStreamDocument,
  type Collection,
  type Document,
  MongoServerError,
} from 'mongodb';
import type { Logger } from 'pino';

/** What a feed watches, and the functions that it calls. */
export interface ChangeFeedOptions<Change> {
  /** The feed's name in the log. */
  name: string;
  collection: Collection<never>;
  /** The pipeline of the stream: MongoDB does not send the changes that it filters out. */
  pipeline: Document[];
  log: Logger;
  /** Milliseconds of silence after which `isCurrent` is false. MongoDB answers more often, also when nothing changed. */
  maxLagMs?: number;
  /** What happens while the stream is not available, for the log. */
  whileLost?: string;
  /**
   * Milliseconds to wait after the changes that arrived, so that the next request to MongoDB returns several; without it,
   * nearly each change costs a request. For changes that nobody waits for.
   */
  pauseMs?: number;
  onChange(change: Change): void;
  /** Called when changes may have been missed or cannot be followed now: waiting requests must query the database. */
  onGap(): void;
}

/** Milliseconds between two calls of `onGap` while changes cannot be followed. */
const pollMs = 1000;

/** The part of the maximum lag after which MongoDB answers that nothing changed: three answers fit into it. */
const answerShare = 0.3;

/** Milliseconds for which an unused feed stays open. */
const idleTimeoutMs = 60_000;

/** A stream, and the streams that replace it after it is lost. */
interface FeedRun {
  opened: Promise<void>;
  resolveOpened(): void;
  isLive: boolean;
  isStopped: boolean;
  /**
   * When the newest answer of MongoDB was asked for, by the process's steady clock: an answer may wait in the socket while the
   * process is stopped.
   */
  heardAt: number;
  stream: { close(): Promise<void> } | undefined;
}

/**
 * Reports the changes of a collection from MongoDB's change stream, from the first `acquire` until a minute after the last
 * `release`. The driver resumes a stream whose connection broke. If that fails, `onGap` is called once a second until a
 * new stream is open. Without a replica set MongoDB has no change streams, so `onGap` is called once a second.
 */
export class ChangeFeed<Change> {
  #users = 0;
  #isClosed = false;
  #run: FeedRun | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(private readonly options: ChangeFeedOptions<Change>) {}

  /** Whether a stream is open now. */
  get isLive(): boolean {
    return this.#run?.isLive === true;
  }

  /** Whether a stream is open, and every change that is older than `maxLagMs` has been reported. */
  get isCurrent(): boolean {
    const { maxLagMs = Infinity } = this.options;
    const run = this.#run;
    return run?.isLive === true && performance.now() - run.heardAt < maxLagMs;
  }

  /** Resolves once every further change is reported, by `onChange` or by `onGap`, until `release` is called. */
  async acquire(): Promise<void> {
    this.#users += 1;
    clearTimeout(this.#idleTimer);
    if (!this.#isClosed) await (this.#run ??= this.#begin()).opened;
  }

  release(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#idleTimer = setTimeout(() => void this.#stop(), idleTimeoutMs).unref();
  }

  /** Closes the feed for good. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#idleTimer);
    await this.#stop();
  }

  async #stop(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    if (run === undefined) return;
    run.isStopped = true;
    await run.stream?.close().catch(() => undefined);
  }

  #begin(): FeedRun {
    let resolveOpened = (): void => undefined;
    const opened = new Promise<void>((resolve) => (resolveOpened = resolve));
    const run: FeedRun = {
      opened,
      resolveOpened,
      isLive: false,
      isStopped: false,
      heardAt: 0,
      stream: undefined,
    };
    void this.#followUntilStopped(run);
    return run;
  }

  async #followUntilStopped(run: FeedRun): Promise<void> {
    for (let hasLoggedFailure = false; !run.isStopped; ) {
      try {
        await this.#follow(run);
      } catch (error) {
        if (!run.isStopped && (!hasLoggedFailure || run.isLive)) this.#logFailure(error);
        hasLoggedFailure = true;
      }
      run.isLive = false;
      run.resolveOpened();
      await wait(pollMs, undefined, { ref: false });
      if (!run.isStopped) this.options.onGap();
    }
  }

  async #follow(run: FeedRun): Promise<void> {
    const { collection, pipeline, maxLagMs, pauseMs, onChange, onGap } = this.options;
    const stream = collection.watch<never, ChangeStreamDocument>(pipeline, {
      ...(maxLagMs !== undefined && { maxAwaitTimeMS: answerShare * maxLagMs }),
    });
    run.stream = stream;
    let askedAt = performance.now();
    // The token changes with each change, and with an empty answer. After the last change of an answer the next one is asked for.
    stream.on('resumeTokenChanged', () => {
      if (!isDrained(stream)) return;
      run.heardAt = askedAt;
      askedAt = performance.now();
    });
    try {
      const first = await stream.tryNext();
      if (run.isStopped) return;
      run.isLive = true;
      run.resolveOpened();
      onGap();
      if (first !== null) onChange(first as Change);
      for await (const change of stream) {
        onChange(change as Change);
        if (pauseMs !== undefined && isDrained(stream)) await wait(pauseMs, undefined, { ref: false });
      }
    } finally {
      await stream.close().catch(() => undefined);
    }
  }

  #logFailure(error: unknown): void {
    const { log, name, whileLost = 'waiting requests poll once a second' } = this.options;
    // MongoDB's code for a change stream on a standalone server.
    if (error instanceof MongoServerError && error.code === 40573) {
      log.warn({ feed: name }, `MongoDB is not a replica set: ${whileLost}`);
    } else {
      log.warn({ err: error, feed: name }, `the change stream is not available: ${whileLost}`);
    }
  }
}

/** Whether the stream has returned all changes of its last response. The driver's types hide the cursor. */
function isDrained(stream: object): boolean {
  return (stream as { cursor?: AbstractCursor }).cursor?.bufferedCount() === 0;
}
