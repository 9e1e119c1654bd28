import type { Collection, Filter, ObjectId } from 'mongodb';
import type { IndexHint } from '../db/index-hint.js';
import { ApiError } from '../errors/api-error.js';
import type { JobRecord } from '../job/job-record.js';
import { endedStates } from '../job/job-state.js';
import type { JobServices } from '../job/services.js';
import { jobsErrors } from './errors.js';
import type { JobsServices } from './services.js';

type UploadDeps = Pick<JobServices, 'collections'> &
  Pick<JobsServices, 'sumAnonymousBytes'> & { config: Pick<JobsServices['config'], 'anonymousUploadMib'> };

/** One run of a job: a resubmission has another date. */
type JobRun = { _id: ObjectId } & Pick<JobRecord, 'created_at'>;

/** Bytes of an upload between two writes of their number: as many as the server collects before it stores them. */
const stepBytes = 4 * 1024 * 1024;

/** Returns the part of a filter that matches a run of a job only if the run has not ended. */
export function filterUnended({ _id, created_at }: JobRun): Filter<JobRecord> {
  return { _id, created_at, 'result_data.job_state': { $nin: [...endedStates] } };
}

/** Sums the bytes that anonymous callers have sent for the jobs that wait, with the index of these jobs alone. */
export async function sumWaitingBytes(jobs: Collection<JobRecord>, index: IndexHint): Promise<number> {
  const [sum] = await index.use((hint) =>
    jobs
      .aggregate<{ bytes: number }>(
        [
          { $match: { 'result_data.job_state': 'waiting', anonymous_bytes: { $gt: 0 } } },
          { $group: { _id: null, bytes: { $sum: { $toDouble: '$anonymous_bytes' } } } },
        ],
        hint,
      )
      .toArray(),
  );
  return sum?.bytes ?? 0;
}

/**
 * Counts the bytes of one anonymous upload against `ANONYMOUS_UPLOAD_MIB`, on the upload's job, so that all processes see
 * them while the upload runs. Each upload writes its bytes before it reads the sum, so of several uploads at the limit at
 * least one sees the bytes of all others: the sum exceeds the limit by at most 4 MiB for each running upload. The bytes of
 * an upload whose process was killed count until the job no longer waits, as its chunks stay stored too.
 */
export class AnonymousUpload {
  #uncounted = 0;
  #counted = 0;

  constructor(
    private readonly deps: UploadDeps,
    private readonly job: JobRun,
  ) {}

  /** Checks the room before the body is read. @param bytes those that the upload announces @throws ApiError 413 */
  async checkRoom(bytes: number): Promise<void> {
    const limit = this.deps.config.anonymousUploadMib * 1024 * 1024;
    const used = await this.deps.sumAnonymousBytes();
    if (used + bytes > limit) throw new ApiError(jobsErrors.anonymousUploadsFull);
  }

  /**
   * Yields the bytes of a file once they are counted.
   * @throws ApiError 413 if there is no room for them, 422 if the run of the job has ended
   */
  async *count(file: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of file) {
      this.#uncounted += piece.length;
      if (this.#uncounted >= stepBytes) await this.#add();
      yield piece;
    }
    if (this.#uncounted > 0) await this.#add();
  }

  /** No longer counts the bytes, since they do not stay. */
  async release(): Promise<void> {
    if (this.#counted === 0) return;
    const { _id, created_at } = this.job;
    const bytes = this.#counted;
    this.#counted = 0;
    await this.deps.collections.jobs.updateOne({ _id, created_at }, { $inc: { anonymous_bytes: -bytes } });
  }

  async #add(): Promise<void> {
    const bytes = this.#uncounted;
    const { matchedCount } = await this.deps.collections.jobs.updateOne(filterUnended(this.job), {
      $inc: { anonymous_bytes: bytes },
    });
    if (matchedCount === 0) throw new ApiError(jobsErrors.attachmentsNotAwaited);
    this.#counted += bytes;
    this.#uncounted = 0;
    await this.checkRoom(0);
  }
}
