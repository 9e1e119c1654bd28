import { LRUCache } from 'lru-cache';
import type { Binary } from 'mongodb';
import type { Logger } from 'pino';
import type { Sealer } from '../crypto/sealer.js';
import type { JobRecord } from '../job/job-record.js';
import type { ScrubbingCollections } from './collections.js';
import type { Clock } from '../core/clock.js';
import { isJsonMap } from '../schema/set-own.js';
import { Masker } from './masker.js';
import { withhold, type TextMasker } from './text-masker.js';

/** A secret that a job was given. */
export interface GivenSecret {
  path: string;
  value: string;
  /** It vanished from the store when it was given. */
  ephemeral?: boolean;
}

/** Whose secrets are asked for: an attempt at a job, and what tells whether it has any. */
export type MaskedJob = Pick<JobRecord, 'job_id' | 'job_data' | 'lease'>;

const day = 24 * 60 * 60 * 1000;

/** Milliseconds that values are kept from a claim, longer than a job is. */
const keptMs = 8 * day;

/** Milliseconds after the end of a job: its agent tells of the provision, and repeats what got no answer. */
const keptAfterEndMs = 60 * 60 * 1000;

/** Bytes of maskers in memory. */
const maskerBytes = 64 * 1024 * 1024;

/**
 * The values that texts of a job must not hold. They lie sealed in `job_masks`, by attempt, from before the claim is
 * answered until an hour after the job's end; each process makes a masker of them once.
 */
export class JobMasks {
  readonly #maskers = new LRUCache<string, TextMasker>({
    maxSize: maskerBytes,
    sizeCalculation: ({ bytes }) => bytes + 1,
  });

  constructor(
    private readonly collection: ScrubbingCollections['jobMasks'],
    private readonly sealer: Sealer,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /**
   * Adds values that an attempt is given.
   * @param isLast all are there then; until then no process keeps what it makes of them
   */
  async add(jobId: string, attempt: number, secrets: readonly GivenSecret[], isLast = true): Promise<void> {
    const sealed = secrets.map((secret) => this.sealer.seal(JSON.stringify(secret), jobId));
    await this.collection.updateOne(
      { job_id: jobId, attempt },
      {
        $push: { values: { $each: sealed } },
        ...(isLast && { $set: { complete: true as const } }),
        $setOnInsert: { expire_at: new Date(this.clock.now().getTime() + keptMs) },
      },
      { upsert: true },
    );
  }

  /** The ephemeral secrets that attempts of a job's present run, from `first` on, were given, by path. */
  async findEphemeral(jobId: string, first: number): Promise<Map<string, string>> {
    const records = await this.collection
      .find({ job_id: jobId, attempt: { $gte: first } }, { sort: { attempt: 1 } })
      .toArray();
    const given = records.flatMap(({ values }) => values.map((sealed) => this.#open(jobId, sealed)));
    const secrets = given.filter(
      (secret) => secret !== undefined && secret.ephemeral === true,
    ) as GivenSecret[];
    return new Map(secrets.map(({ path, value }) => [path, value]));
  }

  /**
   * What masks the texts of a job's present attempt and of those before it; `undefined` for a job that names no secrets,
   * which costs nothing, and for one that nobody was given here. Where values are missing or cannot be opened any more,
   * every text is withheld.
   */
  async find(job: MaskedJob): Promise<TextMasker | undefined> {
    const attempt = job.lease?.attempt ?? 0;
    if (attempt === 0 || !namesSecrets(job)) return undefined;
    return (await this.findOf(job.job_id, attempt)) ?? withhold;
  }

  /** The same for an attempt, whatever the job names by now; `undefined` where no values are kept. */
  async findOf(jobId: string, attempt: number): Promise<TextMasker | undefined> {
    const key = `${jobId} ${attempt}`;
    const known = this.#maskers.get(key);
    if (known !== undefined) return known;
    const records = await this.collection.find({ job_id: jobId, attempt: { $lte: attempt } }).toArray();
    if (records.length === 0) return undefined;
    const values = records.flatMap((record) => record.values);
    const masker = this.#makeMasker(jobId, values);
    if (records.some((record) => record.attempt === attempt && record.complete))
      this.#maskers.set(key, masker);
    return masker;
  }

  /** The job, or the run of its attempts before `attempt`, has ended: its values go soon. */
  async endSoon(jobId: string, attempt = Infinity): Promise<void> {
    const soon = new Date(this.clock.now().getTime() + keptAfterEndMs);
    await this.collection.updateMany(
      { job_id: jobId, attempt: { $lt: attempt } },
      { $min: { expire_at: soon } },
    );
  }

  #makeMasker(jobId: string, sealed: readonly Binary[]): TextMasker {
    const secrets = sealed.map((one) => this.#open(jobId, one));
    const opened = secrets.filter((secret) => secret !== undefined);
    if (opened.length === secrets.length) return new Masker(opened.map(({ value }) => value));
    this.log.error(
      { job_id: jobId },
      'secrets of a job cannot be opened, since the key that sealed them is not configured any more: its texts are withheld',
    );
    return withhold;
  }

  #open(jobId: string, sealed: Binary): GivenSecret | undefined {
    const text = this.sealer.open(sealed, jobId);
    return text === undefined ? undefined : (JSON.parse(text) as GivenSecret);
  }
}

/** Whether a job names secrets: nearly none does. */
export function namesSecrets({ job_data: { test_data: data } }: Pick<MaskedJob, 'job_data'>): boolean {
  return isJsonMap(data) && isJsonMap(data.secrets) && Object.keys(data.secrets).length > 0;
}
