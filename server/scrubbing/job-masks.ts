import { LRUCache } from 'lru-cache';
import type { Binary } from 'mongodb';
import type { Logger } from 'pino';
import type { Clock } from '../core/clock.js';
import type { Sealer } from '../crypto/sealer.js';
import type { JobRecord } from '../job/job-record.js';
import { isJsonMap } from '../schema/set-own.js';
import type { ScrubbingCollections } from './collections.js';
import { Masker } from './masker.js';
import { type TextMasker, withholdingMasker } from './text-masker.js';

/** A secret that a job received. */
export interface JobSecret {
  path: string;
  value: string;
  /** Whether the secret was removed from the store when the job received it. */
  ephemeral?: boolean;
}

/** The fields of a job that `JobMasks.find` needs. */
export type MaskedJob = Pick<JobRecord, 'job_id' | 'job_data' | 'lease'>;

const dayMs = 24 * 60 * 60 * 1000;

/** Milliseconds after a claim until stored secrets expire; longer than jobs are stored. */
const retentionMs = 8 * dayMs;

/**
 * Milliseconds after the end of a job until its stored secrets expire. Meanwhile its agent still reports the provision,
 * and repeats requests that got no response.
 */
const retentionAfterEndMs = 60 * 60 * 1000;

/** Maximum total size of the maskers in memory, in bytes. */
const maxMaskerBytes = 64 * 1024 * 1024;

/**
 * Stores the secrets to mask in the texts of jobs, and makes maskers from them. The secrets are stored encrypted in
 * `job_masks`, by attempt, from before the response to the claim until an hour after the job's end. Each process caches
 * the maskers.
 */
export class JobMasks {
  readonly #maskers = new LRUCache<string, TextMasker>({
    maxSize: maxMaskerBytes,
    sizeCalculation: ({ bytes }) => bytes + 1,
  });

  constructor(
    private readonly collection: ScrubbingCollections['jobMasks'],
    private readonly sealer: Sealer,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /**
   * Adds secrets that an attempt receives.
   * @param isLast whether the attempt's secrets are complete now; no process caches a masker of incomplete secrets
   */
  async add(jobId: string, attempt: number, secrets: readonly JobSecret[], isLast = true): Promise<void> {
    const sealed = secrets.map((secret) => this.sealer.seal(JSON.stringify(secret), jobId));
    await this.collection.updateOne(
      { job_id: jobId, attempt },
      {
        $push: { values: { $each: sealed } },
        ...(isLast && { $set: { complete: true as const } }),
        $setOnInsert: { expire_at: new Date(this.clock.now().getTime() + retentionMs) },
      },
      { upsert: true },
    );
  }

  /** Finds the ephemeral secrets, by path, that a job's attempts from `first` on received. */
  async findEphemeral(jobId: string, first: number): Promise<Map<string, string>> {
    const records = await this.collection
      .find({ job_id: jobId, attempt: { $gte: first } }, { sort: { attempt: 1 } })
      .toArray();
    const given = records.flatMap(({ values }) => values.map((sealed) => this.#open(jobId, sealed)));
    const secrets = given.filter(
      (secret) => secret !== undefined && secret.ephemeral === true,
    ) as JobSecret[];
    return new Map(secrets.map(({ path, value }) => [path, value]));
  }

  /**
   * Finds the masker for the texts of a job's current attempt and of those before it. Returns `undefined`, without a
   * database read, for a job that names no secrets or that this server never gave to an agent. If secrets are missing
   * or cannot be decrypted any more, the masker withholds every text.
   */
  async find(job: MaskedJob): Promise<TextMasker | undefined> {
    const attempt = job.lease?.attempt ?? 0;
    if (attempt === 0 || !namesSecrets(job)) return undefined;
    return (await this.findForAttempt(job.job_id, attempt)) ?? withholdingMasker;
  }

  /**
   * Finds the masker for the texts of an attempt and of those before it, whatever secrets the job names now. Returns
   * `undefined` if no secrets are stored.
   */
  async findForAttempt(jobId: string, attempt: number): Promise<TextMasker | undefined> {
    const key = `${jobId} ${attempt}`;
    const known = this.#maskers.get(key);
    if (known !== undefined) return known;
    const records = await this.collection.find({ job_id: jobId, attempt: { $lte: attempt } }).toArray();
    if (records.length === 0) return undefined;
    const values = records.flatMap((record) => record.values);
    const masker = this.#createMasker(jobId, values);
    if (records.some((record) => record.attempt === attempt && record.complete))
      this.#maskers.set(key, masker);
    return masker;
  }

  /** Lets the stored secrets of a job's attempts before `attempt` expire in an hour. Call it when the job has ended. */
  async expireSoon(jobId: string, attempt = Infinity): Promise<void> {
    const soon = new Date(this.clock.now().getTime() + retentionAfterEndMs);
    await this.collection.updateMany(
      { job_id: jobId, attempt: { $lt: attempt } },
      { $min: { expire_at: soon } },
    );
  }

  #createMasker(jobId: string, sealed: readonly Binary[]): TextMasker {
    const secrets = sealed.map((one) => this.#open(jobId, one));
    const opened = secrets.filter((secret) => secret !== undefined);
    if (opened.length === secrets.length) return new Masker(opened.map(({ value }) => value));
    this.log.error(
      { job_id: jobId },
      'secrets of a job cannot be opened, since the key that sealed them is not configured any more: its texts are withheld',
    );
    return withholdingMasker;
  }

  #open(jobId: string, sealed: Binary): JobSecret | undefined {
    const text = this.sealer.open(sealed, jobId);
    return text === undefined ? undefined : (JSON.parse(text) as JobSecret);
  }
}

/** Whether a job names secrets; few jobs do. */
export function namesSecrets({ job_data: { test_data: data } }: Pick<MaskedJob, 'job_data'>): boolean {
  return isJsonMap(data) && isJsonMap(data.secrets) && Object.keys(data.secrets).length > 0;
}
