import { type Filter, type FindCursor, ObjectId, type WithId } from 'mongodb';
import type { z } from 'zod';
import type { Hint } from '../db/index-hint.js';
import { presentDate } from '../http/present-date.js';
import { filterOtherForms, readJobId } from '../job/job-id.js';
import type { JobRecord } from '../job/job-record.js';
import { endedStates } from '../job/job-state.js';
import type { JobServices } from '../job/services.js';
import { integer, listOf, oneOf, openObject, text } from '../schema/schema.js';

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

type Found = WithId<Pick<JobRecord, 'job_id' | 'created_at' | 'result_data'>>;

/** Yields the jobs of a search, oldest first, with one database batch in memory at a time. */
export async function* streamJobs(
  deps: Pick<JobServices, 'collections' | 'jobHints'>,
  search: JobSearch,
): AsyncGenerator<FoundJob> {
  const found = await findJobs(deps, search);
  try {
    for await (const job of found) yield presentFound(job);
  } finally {
    await found.close();
  }
}

/** Returns one page of a search, and the cursor of the next page if there is one. */
export async function listJobPage(
  deps: Pick<JobServices, 'collections' | 'jobHints'>,
  search: JobSearch,
  limit: number,
): Promise<{ jobs: FoundJob[]; next: string | undefined }> {
  const found = await (await findJobs(deps, search, limit + 1)).toArray();
  const page = found.slice(0, limit);
  const next = found.length > limit ? page.at(-1)?._id.toHexString() : undefined;
  return { jobs: page.map(presentFound), next };
}

/** Finds jobs by `_id`. Ids are looked up in their own index: by the order alone MongoDB could read the whole collection. */
function findJobs(
  { collections, jobHints }: Pick<JobServices, 'collections' | 'jobHints'>,
  search: JobSearch,
  limit = 0,
): Promise<FindCursor<Found>> {
  const find = async (hint: Hint) => {
    const cursor = collections.jobs
      .find(filterSearched(await addStoredIds({ collections }, search)), hint)
      .project<Found>({ job_id: 1, created_at: 1, 'result_data.job_state': 1 })
      .sort({ _id: 1 })
      .limit(limit)
      .batchSize(1000);
    // So that an unknown hint is an error here.
    await cursor.hasNext();
    return cursor;
  };
  return search.job_id?.length ? jobHints.jobId.use(find) : find({});
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

/** Returns the filter of a search. A job must match the tags, the states and the ids, each of them if given. */
export function filterSearched({ tags, match, state, job_id: ids, cursor }: JobSearch): Filter<JobRecord> {
  const states = state?.length ? filterStates(state) : undefined;
  return {
    ...(tags?.length && { 'job_data.tags': match === 'all' ? { $all: tags } : { $in: tags } }),
    ...(states && { 'result_data.job_state': states }),
    ...(ids?.length && { job_id: { $in: [...ids] } }),
    ...(cursor !== undefined && { _id: { $gt: ObjectId.createFromHexString(cursor) } }),
  } as Filter<JobRecord>;
}

/**
 * `completed` and `complete` are the same state, which agents write as `complete`. `active` is every state that has not
 * ended.
 */
function filterStates(states: readonly string[]): object {
  const named = new Set(states);
  if (named.has('complete')) named.add('completed');
  if (named.has('completed')) named.add('complete');
  if (named.has('active')) return { $nin: endedStates.filter((state) => !named.has(state)) };
  return { $in: [...named] };
}

function presentFound({ job_id, created_at, result_data }: Found): FoundJob {
  return { job_id, created_at: presentDate(created_at), job_state: result_data.job_state };
}
