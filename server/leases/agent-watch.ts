import type { Logger } from 'pino';
import type { JobCollections } from '../job/collections.js';
import type { LeaseCollections } from './collections.js';
import type { Clock } from '../core/clock.js';

/** Milliseconds between two looks at the database. */
const roundMs = 30_000;

/**
 * What one process remembers of agents, so that idle ones cost nothing: who was heard of, written together twice a
 * minute (`seen_at`), and who may hold a job, which says whose poll has a lease to cut. Claims through other processes
 * are known half a minute later.
 */
export class AgentWatch {
  #seen = new Set<string>();
  readonly #holders = new Set<string>();
  #prolonged = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly collections: LeaseCollections & JobCollections,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** Starts the rounds; the first begins at once. */
  start(): void {
    const round = () =>
      void this.round().catch((error: unknown) => this.log.warn({ err: error }, 'agents were not looked at'));
    this.#timer = setInterval(round, roundMs).unref();
    round();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The agent gave a sign of life. */
  saw(agent: string): void {
    this.#seen.add(agent);
  }

  /** The agent was handed a job. */
  holds(agent: string): void {
    this.#holders.add(agent);
  }

  /** The agent's leases have been seen to. */
  holdsNothing(agent: string): void {
    this.#holders.delete(agent);
  }

  mayHold(agent: string): boolean {
    return this.#holders.has(agent);
  }

  /** Whether a word of the agent about itself is its first one of this round, the one that may prolong its lease. */
  isFirstWord(agent: string): boolean {
    const isFirst = !this.#prolonged.has(agent);
    this.#prolonged.add(agent);
    return isFirst;
  }

  /** Writes who was seen, and looks who holds a lease. */
  async round(): Promise<void> {
    const seen = [...this.#seen];
    this.#seen = new Set();
    this.#prolonged = new Set();
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
