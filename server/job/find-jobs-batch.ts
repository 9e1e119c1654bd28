import type { Collection, Document, WithId } from 'mongodb';
import { findAllBatch } from '../db/batched-reads.js';
import { filterOtherForms, readJobId } from './job-id.js';
import type { JobRecord } from './job-record.js';
import { newestFirst } from './newest-first.js';

/** The fields that every read of jobs needs. */
type Identified = WithId<Pick<JobRecord, 'job_id' | 'created_at' | 'live'>>;

const identifying = { _id: 1, job_id: 1, created_at: 1, live: 1 } as const;

/** A read of the documents of one job id. */
export interface JobRead {
  /** In canonical form. */
  jobId: string;
  /** The fields to read, all by default. Reads with the same object share a query. */
  projection: Document | undefined;
}

/** Makes the `run` of a batcher of reads with several projections: one query for each projection. */
export function findProjectedBatch(
  jobs: Collection<JobRecord>,
): (reads: readonly JobRead[]) => Promise<readonly (readonly WithId<JobRecord>[])[]> {
  return async (reads) => {
    const ids = new Map<Document | undefined, string[]>();
    for (const { jobId, projection } of reads) {
      const others = ids.get(projection);
      if (others === undefined) ids.set(projection, [jobId]);
      else others.push(jobId);
    }
    const found = await Promise.all(
      [...ids].map(async ([projection, jobIds]) => {
        const fields = projection && { ...projection, ...identifying };
        const all = await findJobsBatch<WithId<JobRecord>>(jobs, fields)(jobIds);
        return [projection, all[Symbol.iterator]()] as const;
      }),
    );
    const foundByProjection = new Map(found);
    return reads.map(({ projection }) => foundByProjection.get(projection)?.next().value ?? []);
  };
}

/** Makes the `run` of a batcher that finds all documents of each job id, the newest first. */
export function findJobsBatch<Found extends Identified>(
  jobs: Collection<JobRecord>,
  projection: Document = {},
): (jobIds: readonly string[]) => Promise<readonly (readonly Found[])[]> {
  const findStored = findAllBatch<JobRecord, Found>(jobs, 'job_id', { projection });
  return async (jobIds) => {
    const found = await findStored(jobIds);
    // A live document with the canonical id is newer than all documents with another form of the id.
    const others = jobIds.filter((_, n) => !found[n]?.some(({ live }) => live === true));
    const otherForms =
      others.length === 0 ? [] : await jobs.find<Found>(filterOtherForms(others), { projection }).toArray();
    return found.map((jobs, n) => {
      const forms = others.includes(jobIds[n] ?? '')
        ? otherForms.filter((job) => readJobId(job.job_id) === jobIds[n])
        : [];
      return newestFirst([...jobs, ...forms]);
    });
  };
}
