import { setTimeout as wait } from 'node:timers/promises';
import { type ChangeStreamDocument, type Collection, type Document, MongoServerError } from 'mongodb';
import type { Logger } from 'pino';

/** What a feed is of, and who is told. */
export interface ChangeFeedOptions<Change> {
  /** Its name in the log. */
  name: string;
  collection: Collection<never>;
  /** The pipeline of the stream: what it drops costs the process nothing. */
  pipeline: Document[];
  log: Logger;
  onChange(change: Change): void;
  /** Changes may have been missed, or cannot be followed now: what waits has to look for itself. */
  onGap(): void;
}

/** Milliseconds between two looks while changes cannot be followed. */
const pollMs = 1000;

/** Milliseconds that a feed nobody uses stays open. */
const idleTimeoutMs = 60_000;

/** A stream, and those that follow it after it was lost. */
interface FeedRun {
  opened: Promise<void>;
  resolveOpened(): void;
  isLive: boolean;
  isStopped: boolean;
  stream: { close(): Promise<void> } | undefined;
}

/**
 * The changes of a collection as MongoDB's change stream tells them, from the first use until a minute after the last.
 * The driver resumes a stream whose connection broke; where that fails, `onGap` is called each second until a new one is
 * open. A MongoDB that is no replica set has no change streams: there it stays at that.
 */
export class ChangeFeed<Change> {
  #users = 0;
  #isClosed = false;
  #run: FeedRun | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(private readonly options: ChangeFeedOptions<Change>) {}

  /** Whether changes are followed now. */
  get isLive(): boolean {
    return this.#run?.isLive === true;
  }

  /** Resolves when every change from now on is told, by `onChange` or as a gap; `release` when they are of no interest. */
  async acquire(): Promise<void> {
    this.#users += 1;
    clearTimeout(this.#idleTimer);
    if (!this.#isClosed) await (this.#run ??= this.#begin()).opened;
  }

  release(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#idleTimer = setTimeout(() => void this.#stop(), idleTimeoutMs).unref();
  }

  /** Ends it for good. */
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
    const run: FeedRun = { opened, resolveOpened, isLive: false, isStopped: false, stream: undefined };
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
    const { collection, pipeline, onChange, onGap } = this.options;
    const stream = collection.watch<never, ChangeStreamDocument>(pipeline);
    run.stream = stream;
    try {
      const first = await stream.tryNext();
      if (run.isStopped) return;
      run.isLive = true;
      run.resolveOpened();
      onGap();
      if (first !== null) onChange(first as Change);
      for await (const change of stream) onChange(change as Change);
    } finally {
      await stream.close().catch(() => undefined);
    }
  }

  #logFailure(error: unknown): void {
    const { log, name } = this.options;
    // Its code for a change stream on a lone server.
    if (error instanceof MongoServerError && error.code === 40573) {
      log.warn({ feed: name }, 'MongoDB is no replica set: what waits is looked for once a second');
    } else {
      log.warn(
        { err: error, feed: name },
        'changes cannot be followed: what waits is looked for once a second',
      );
    }
  }
}
