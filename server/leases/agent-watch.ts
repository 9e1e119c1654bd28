import type { Logger } from 'pino';
import type { Clock } from '../core/clock.js';
import type { JobCollections } from '../job/collections.js';
import type { LeaseCollections } from './collections.js';

/** Milliseconds between two rounds. */
const roundMs = 30_000;

/**
 * What one process remembers about agents, so that idle agents cost nothing: which agents sent a request, written together
 * twice a minute (`seen_at`), and which agents may hold a job, so that only their polls look for a lease to cut. Claims
 * through other processes become known within half a minute.
 */
export class AgentWatch {
  #seen = new Set<string>();
  readonly #holders = new Set<string>();
  #reported = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly collections: LeaseCollections & JobCollections,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** Starts the rounds; the first begins at once. */
  start(): void {
    const round = () =>
      void this.round().catch((error: unknown) =>
        this.log.warn({ err: error }, 'the round over the agents failed'),
      );
    this.#timer = setInterval(round, roundMs).unref();
    round();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The agent sent a request: a sign of life. */
  saw(agent: string): void {
    this.#seen.add(agent);
  }

  /** The agent was given a job. */
  holds(agent: string): void {
    this.#holders.add(agent);
  }

  /** The agent's leases have been cut. */
  holdsNothing(agent: string): void {
    this.#holders.delete(agent);
  }

  mayHold(agent: string): boolean {
    return this.#holders.has(agent);
  }

  /** Whether a report of the agent is its first one in this round, the one that may renew its lease. */
  isFirstReport(agent: string): boolean {
    const isFirst = !this.#reported.has(agent);
    this.#reported.add(agent);
    return isFirst;
  }

  /** Writes which agents were seen, and reads which agents hold a lease. */
  async round(): Promise<void> {
    const seen = [...this.#seen];
    this.#seen = new Set();
    this.#reported = new Set();
    if (seen.length > 0) {
      await this.collections.agents.updateMany({ name: { $in: seen } }, [
        { $set: { seen_at: this.clock.inDatabase } },
      ]);
    }
    const holders = await this.collections.jobs.distinct('lease.holder', {
      'lease.until': { $exists: true },
      'lease.cut': { $ne: true },
    } as object);
    for (const holder of holders as string[]) this.#holders.add(holder);
  }
}
