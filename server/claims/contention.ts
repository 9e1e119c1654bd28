import { randomUUID } from 'node:crypto';
import type { ObjectId } from 'mongodb';
import type { Deps } from '../deps.js';

/** Milliseconds for which a choice counts: longer than it takes to write it. */
const choiceMs = 200;

/** Milliseconds without another process's choice after which this one no longer looks for them. */
const peaceMs = 1000;

/** Claims of one moment that go each by its own statement while processes contend: so few gain nothing by a look. */
const fewClaims = 8;

/** Milliseconds for which more of them wait for others then: fewer looks at a time see the same jobs. */
const crowdMs = 5;

/** Milliseconds after the last moment with more of them. */
const crowdedMs = 200;

/** Milliseconds after claims that were served together, for which the next one waits for company: their callers come back together, too. */
const togetherMs = 20;
const companyMs = 1;

/** What others are about to take. */
export type Rivals = Pick<ClaimsUnderWay, 'read' | 'tell' | 'spare'>;

/** For a claim that goes by itself: it passes over nothing, and the writes decide. */
export const noRivals: Rivals = {
  read: () => Promise.resolve(new Set()),
  tell: () => Promise.resolve(new Set()),
  spare: 0,
};

/**
 * The jobs that other processes are about to take. Processes that claim from the same queues at the same moment see the
 * same first jobs, and what one takes is in vain for the others. One that lost a job to another process therefore tells
 * its choice before it takes it, and passes over what others have chosen, until there was peace for a second. Only the
 * pace depends on it, since each job is guarded by its own write: it is told to the primary alone, and lost with it.
 */
export class ClaimsUnderWay {
  readonly #process = randomUUID();
  #contendedUntil = 0;
  #elsewhere = new Set<string>();
  #crowdedUntil = 0;
  #togetherUntil = 0;

  constructor(private readonly deps: Pick<Deps, 'collections' | 'clock'>) {}

  get isContended(): boolean {
    return performance.now() < this.#contendedUntil;
  }

  /** Jobs that waited when they were seen were another one's when they were to be taken. */
  tellConflict(): void {
    this.#contendedUntil = performance.now() + peaceMs;
  }

  /** So many claims are served together. */
  noteClaims(count: number): void {
    const now = performance.now();
    if (count > 1) this.#togetherUntil = now + togetherMs;
    if (count > fewClaims) this.#crowdedUntil = now + crowdedMs;
  }

  /** Up to so many claims that are left go each by itself. */
  get mostAlone(): number {
    if (!this.isContended) return 1;
    return this.#isCrowded ? 0 : fewClaims;
  }

  /** Milliseconds for which claims wait for more of them; none where no two came together lately. */
  get gatherMs(): number {
    if (this.isContended && this.#isCrowded) return crowdMs;
    return performance.now() < this.#togetherUntil ? companyMs : 0;
  }

  get #isCrowded(): boolean {
    return performance.now() < this.#crowdedUntil;
  }

  /** How many more jobs a look should see, since others take the first ones. */
  get spare(): number {
    return this.isContended ? this.#elsewhere.size : 0;
  }

  /** What other processes have chosen now: `_id`s in hex; nothing where none contends. */
  async read(): Promise<ReadonlySet<string>> {
    if (!this.isContended) return new Set();
    const told = await this.deps.collections.claimsUnderWay.findOne({ _id: 'choices' });
    return this.#note(told?.choices ?? []);
  }

  /** Tells the choice of this process, in place of its last one. @returns those that another one has chosen before it */
  async tell(ids: readonly ObjectId[]): Promise<ReadonlySet<string>> {
    if (!this.isContended || ids.length === 0) return new Set();
    const { collections, clock } = this.deps;
    const now = clock.inDatabase;
    const isOthers = {
      $and: [{ $ne: ['$$choice.process', this.#process] }, { $gt: ['$$choice.until', now] }],
    };
    const others = { $filter: { input: { $ifNull: ['$choices', []] }, as: 'choice', cond: isOthers } };
    const mine = { process: this.#process, jobs: { $literal: ids }, until: { $add: [now, choiceMs] } };
    const told = await collections.claimsUnderWay.findOneAndUpdate(
      { _id: 'choices' },
      [{ $set: { choices: { $concatArrays: [others, [mine]] } } }],
      { upsert: true, returnDocument: 'after', writeConcern: { w: 1 } },
    );
    return this.#note(told?.choices ?? []);
  }

  #note(choices: readonly { process: string; jobs: ObjectId[]; until: Date }[]): ReadonlySet<string> {
    const now = this.deps.clock.now();
    const others = choices.filter(({ process, until }) => process !== this.#process && until > now);
    if (others.length > 0) this.tellConflict();
    this.#elsewhere = new Set(others.flatMap(({ jobs }) => jobs.map((id) => id.toHexString())));
    return this.#elsewhere;
  }
}
