/*
 * Contention between processes that claim from the same queues.
 *
 * Such processes see the same first jobs at the same moment. Only one of them gets each job; the others have queried for
 * nothing. Without a countermeasure two processes claim 0.6 times as many jobs as one. A process that lost a job to
 * another one therefore publishes which jobs it is about to take, and skips those that others have published. It stops
 * when a second has passed without a conflict. Only the rate depends on this, because each job is guarded by its own
 * write: the document goes to the primary alone, without waiting for a majority.
 *
 * A process is in one of three modes:
 *
 * - `quiet`: no conflict in the last second. A single claim is one statement; several of one moment are one query and
 *   one command.
 * - `contended`: there was a conflict, and 8 claims or fewer arrive at a time. Each claim is its own statement, and
 *   MongoDB resolves the conflicts. Two processes claim 0.6 to 0.8 times as many jobs as one.
 * - `crowded`: there was a conflict, and more than 8 claims arrived at a time within the last 200 ms. Claims are collected
 *   for 5 ms and sent together, so that fewer queries see the same jobs: 0.7 to 0.8 times as many jobs as one process.
 *
 * In each mode a claim right after a group waits 1 ms for others, because the callers of a group come back together: half
 * the statements, 1.16 times the claims. docs/explanation/scaling.md shows what else was measured.
 */
import { randomUUID } from 'node:crypto';
import type { ObjectId } from 'mongodb';
import type { Core } from '../core/core.js';
import type { ClaimCollections } from './collections.js';

/** Whether and how other processes claim from the same queues. */
export type ContentionMode = 'quiet' | 'contended' | 'crowded';

const modes: Record<ContentionMode, { maxIndividualClaims: number; gatherMs: number }> = {
  quiet: { maxIndividualClaims: 1, gatherMs: 0 },
  contended: { maxIndividualClaims: 8, gatherMs: 0 },
  crowded: { maxIndividualClaims: 0, gatherMs: 5 },
};

/** Milliseconds since the last conflict after which a process is quiet. */
const contentionWindowMs = 1000;

/** Claims of one moment above which a process under contention is crowded, and milliseconds for which it stays so. */
const groupThreshold = modes.contended.maxIndividualClaims;
const crowdedWindowMs = 200;

/** Milliseconds after a group of claims within which the next claim waits for others, and how long it waits. */
const groupWindowMs = 20;
const groupGatherMs = 1;

/** Milliseconds for which a published choice counts: longer than it takes to write it. */
const choiceMs = 200;

/** What other processes are about to take. */
export type Contention = Pick<ClaimContention, 'read' | 'publish' | 'extraCandidates'>;

/** For a claim that is sent by itself: it passes over nothing, and the writes decide. */
export const noContention: Contention = {
  read: () => Promise.resolve(new Set()),
  publish: () => Promise.resolve(new Set()),
  extraCandidates: 0,
};

/** The contention that one process meets, and the jobs that others are about to take. */
export class ClaimContention {
  readonly #process = randomUUID();
  #contendedUntil = 0;
  #crowdedUntil = 0;
  #groupedUntil = 0;
  #elsewhere: ReadonlySet<string> = new Set();

  constructor(private readonly deps: Pick<Core, 'clock'> & { collections: ClaimCollections }) {}

  get mode(): ContentionMode {
    const now = performance.now();
    if (now >= this.#contendedUntil) return 'quiet';
    return now < this.#crowdedUntil ? 'crowded' : 'contended';
  }

  /** Records that another process claimed a job between our query and our write. */
  noteConflict(): void {
    this.#contendedUntil = performance.now() + contentionWindowMs;
  }

  /** Records how many claims are served together. */
  noteClaims(count: number): void {
    const now = performance.now();
    if (count > 1) this.#groupedUntil = now + groupWindowMs;
    if (count > groupThreshold) this.#crowdedUntil = now + crowdedWindowMs;
  }

  /** The maximum number of claims of one moment that are sent as one statement each. */
  get maxIndividualClaims(): number {
    return modes[this.mode].maxIndividualClaims;
  }

  /** Milliseconds for which claims wait for others. */
  get gatherMs(): number {
    const { gatherMs } = modes[this.mode];
    if (gatherMs > 0) return gatherMs;
    return performance.now() < this.#groupedUntil ? groupGatherMs : 0;
  }

  /** How many more jobs a query should return, because other processes take the first ones. */
  get extraCandidates(): number {
    return this.mode === 'quiet' ? 0 : this.#elsewhere.size;
  }

  /** The `_id`s in hex of the jobs that other processes are about to take; empty in the mode `quiet`. */
  async read(): Promise<ReadonlySet<string>> {
    if (this.mode === 'quiet') return new Set();
    const document = await this.deps.collections.claimsUnderWay.findOne({ _id: 'choices' });
    return this.#note(document?.choices ?? []);
  }

  /** Publishes what this process is about to take, in place of its last choice. @returns what others chose before it */
  async publish(ids: readonly ObjectId[]): Promise<ReadonlySet<string>> {
    if (this.mode === 'quiet' || ids.length === 0) return new Set();
    const { collections, clock } = this.deps;
    const now = clock.inDatabase;
    const isOthers = {
      $and: [{ $ne: ['$$choice.process', this.#process] }, { $gt: ['$$choice.until', now] }],
    };
    const others = { $filter: { input: { $ifNull: ['$choices', []] }, as: 'choice', cond: isOthers } };
    const mine = { process: this.#process, jobs: { $literal: ids }, until: { $add: [now, choiceMs] } };
    const document = await collections.claimsUnderWay.findOneAndUpdate(
      { _id: 'choices' },
      [{ $set: { choices: { $concatArrays: [others, [mine]] } } }],
      { upsert: true, returnDocument: 'after', writeConcern: { w: 1 } },
    );
    return this.#note(document?.choices ?? []);
  }

  #note(choices: readonly { process: string; jobs: ObjectId[]; until: Date }[]): ReadonlySet<string> {
    const now = this.deps.clock.now();
    const others = choices.filter(({ process, until }) => process !== this.#process && until > now);
    if (others.length > 0) this.noteConflict();
    this.#elsewhere = new Set(others.flatMap(({ jobs }) => jobs.map((id) => id.toHexString())));
    return this.#elsewhere;
  }
}
