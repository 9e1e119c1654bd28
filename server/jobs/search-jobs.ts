import { type Filter, type FindCursor, ObjectId, type WithId } from 'mongodb';
import type { z } from 'zod';
import type { Hint } from '../db/index-hint.js';
import { presentDate } from '../http/present-date.js';
import { filterOtherForms, readJobId } from '../job/job-id.js';
import type { JobRecord } from '../job/job-record.js';
import type { JobServices } from '../job/services.js';
import { integer, listOf, oneOf, openObject, text } from '../schema/schema.js';
import type { JobsServices } from './services.js';
import { filterStates } from './state-filter.js';

/** States that a search accepts: Testflinger's, in its order, then the other states that jobs have. */
const searchStates = [
  'setup',
  'provision',
  'firmware_update',
  'test',
  'allocate',
  'allocated',
  'reserve',
  'cleanup',
  'cancelled',
  'completed',
  'active',
  'waiting',
  'running',
  'complete',
] as const;

/** The query of GET /v1/job/search. Other fields are ignored. */
export const searchQuery = openObject({
  tags: listOf(text()).optional(),
  match: oneOf('any', 'all').optional(),
  state: listOf(oneOf(...searchStates)).optional(),
  job_id: listOf(text()).optional(),
  limit: integer({ min: 1, max: 10_000 }).optional(),
  cursor: text({ pattern: /^[0-9a-f]{24}$/ }).optional(),
});

/** The query after validation. */
export type JobSearch = z.output<typeof searchQuery>;

/** A job in the response of a search. */
export interface FoundJob {
  job_id: string;
  created_at: string;
  job_state: string;
}

/** What a search needs. */
export type SearchDeps = Pick<JobServices, 'collections' | 'jobHints'> & Pick<JobsServices, 'jobsHints'>;

type Found = WithId<Pick<JobRecord, 'job_id' | 'created_at' | 'result_data'>>;

/** Yields the jobs of a search, oldest first, with one database batch in memory at a time. */
export async function* streamJobs(deps: SearchDeps, search: JobSearch): AsyncGenerator<FoundJob> {
  for await (const job of mergeById(await findJobs(deps, search))) yield presentFound(job);
}

/** Returns one page of a search, and the cursor of the next page if there is one. */
export async function listJobPage(
  deps: SearchDeps,
  search: JobSearch,
  limit: number,
): Promise<{ jobs: FoundJob[]; next: string | undefined }> {
  const found: Found[] = [];
  for await (const job of mergeById(await findJobs(deps, search, limit + 1))) {
    found.push(job);
    if (found.length > limit) break;
  }
  const page = found.slice(0, limit);
  const next = found.length > limit ? page.at(-1)?._id.toHexString() : undefined;
  return { jobs: page.map(presentFound), next };
}

/**
 * Finds jobs with one statement for each index that answers a part of the search, each sorted by `_id`. Ids are looked up in
 * their own index: by the order alone MongoDB could read the whole collection.
 */
async function findJobs(
  { collections, jobHints, jobsHints }: SearchDeps,
  search: JobSearch,
  limit = 0,
): Promise<readonly FindCursor<Found>[]> {
  const parts = filterSearched(await addStoredIds({ collections }, search));
  const findPart = ({ filter, isInProgress }: SearchPart) => {
    if (search.job_id?.length) return jobHints.jobId.use((hint) => find(filter, hint));
    // MongoDB does not consider an index of which only the filter is in the query.
    return isInProgress ? jobsHints.inProgress.use((hint) => find(filter, hint)) : find(filter, {});
  };
  const find = async (filter: Filter<JobRecord>, hint: Hint) => {
    const cursor = collections.jobs
      .find(filter, hint)
      .project<Found>({ job_id: 1, created_at: 1, 'result_data.job_state': 1 })
      .sort({ _id: 1 })
      .limit(limit)
      .batchSize(1000);
    // So that an unknown hint is an error here.
    await cursor.hasNext();
    return cursor;
  };
  const cursors: FindCursor<Found>[] = [];
  // The first part again at the end: a job that moves from one part to the other meanwhile is then found twice, and not missed.
  const statements = parts.length > 1 ? [...parts, ...parts.slice(0, 1)] : parts;
  try {
    for (const part of statements) cursors.push(await findPart(part));
  } catch (error) {
    await Promise.all(cursors.map((cursor) => cursor.close()));
    throw error;
  }
  return cursors;
}

/** Yields the jobs of cursors that are sorted by `_id`, in this order, each once. */
async function* mergeById(cursors: readonly FindCursor<Found>[]): AsyncGenerator<Found> {
  try {
    const heads = await Promise.all(cursors.map((cursor) => cursor.next()));
    for (;;) {
      const [first] = heads.filter((job) => job !== null).sort(compareIds);
      if (first === undefined) return;
      yield first;
      for (const [place, cursor] of cursors.entries())
        if (heads[place]?._id.equals(first._id)) heads[place] = await cursor.next();
    }
  } finally {
    await Promise.all(cursors.map((cursor) => cursor.close()));
  }
}

function compareIds({ _id: one }: Found, { _id: other }: Found): number {
  return Buffer.compare(one.id, other.id);
}

/** Adds the stored ids of jobs that another server stored under an id that is not in canonical form. */
async function addStoredIds(
  { collections }: Pick<JobServices, 'collections'>,
  search: JobSearch,
): Promise<JobSearch> {
  if (!search.job_id?.length) return search;
  const ids = search.job_id.map((id) => readJobId(id) ?? id);
  const others = await collections.jobs.find(filterOtherForms(ids), { projection: { job_id: 1 } }).toArray();
  return { ...search, job_id: [...ids, ...others.map(({ job_id: stored }) => stored)] };
}

/** A part of a search. */
export interface SearchPart {
  filter: Filter<JobRecord>;
  /** The filter holds that of `qp_in_progress`. */
  isInProgress: boolean;
}

/**
 * Returns the parts of a search, of which each job matches at most one. A job must match the tags, the states and the ids,
 * each of them if given.
 */
export function filterSearched({ tags, match, state, job_id: ids, cursor }: JobSearch): SearchPart[] {
  const others = {
    ...(tags?.length && { 'job_data.tags': match === 'all' ? { $all: tags } : { $in: tags } }),
    ...(ids?.length && { job_id: { $in: [...ids] } }),
    ...(cursor !== undefined && { _id: { $gt: ObjectId.createFromHexString(cursor) } }),
  };
  const states: object[] = state?.length ? filterStates(state) : [{}];
  return states.map((one) => ({
    filter: { ...one, ...others } as Filter<JobRecord>,
    isInProgress: '$or' in one,
  }));
}

function presentFound({ job_id, created_at, result_data }: Found): FoundJob {
  return { job_id, created_at: presentDate(created_at), job_state: result_data.job_state };
}
