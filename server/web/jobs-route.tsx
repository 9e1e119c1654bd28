import { ObjectId } from 'mongodb';
import type { Core } from '../core/core.js';
import { byId } from '../db/index-hint.js';
import { ApiError } from '../errors/api-error.js';
import type { AnyRoute } from '../http/route.js';
import type { JobServices } from '../job/services.js';
import type { SessionSettings } from '../sessions/settings.js';
import { webErrors } from './errors.js';
import { type Listed, listRoute, pageSize } from './list-route.js';
import { presentStored, StoredTime } from './stored-values.js';

type RouteDeps = Core & Pick<JobServices, 'collections'> & { config: SessionSettings & { oidc: boolean } };

/** A job of the list. Another server may have stored any value, or none, in these fields. */
interface ListedJob {
  _id: ObjectId;
  job_id?: unknown;
  created_at?: unknown;
  name?: unknown;
  queue?: unknown;
  state?: unknown;
}

/** The route of the list of jobs. */
export const jobsRoute: AnyRoute<RouteDeps> = listRoute<RouteDeps, ListedJob>({
  path: '/jobs',
  title: 'Jobs',
  summary: 'Open the list of jobs',
  empty: 'There are no jobs. A job is listed once it is submitted, and for 7 days after that.',
  columns: [
    { heading: 'Id', className: 'id', show: ({ job_id: id }) => presentStored(id) },
    { heading: 'Name', show: ({ name }) => presentStored(name) },
    { heading: 'Queue', show: ({ queue }) => presentStored(queue) },
    { heading: 'State', show: ({ state }) => presentStored(state) },
    { heading: 'Created (UTC)', show: ({ created_at: at }) => <StoredTime value={at} /> },
  ],
  read: readJobs,
});

/** Reads one page of jobs, the newest first. @throws ApiError 400 */
async function readJobs(
  { collections: { jobs } }: Pick<RouteDeps, 'collections'>,
  after: string | undefined,
): Promise<Listed<ListedJob>> {
  if (after !== undefined && !/^[0-9a-f]{24}$/.test(after)) throw new ApiError(webErrors.cursorInvalid);
  const found = await jobs
    .find(after === undefined ? {} : { _id: { $lt: ObjectId.createFromHexString(after) } }, byId)
    .project<ListedJob>({
      job_id: 1,
      created_at: 1,
      name: '$job_data.name',
      queue: '$job_data.job_queue',
      state: '$result_data.job_state',
    })
    .sort({ _id: -1 })
    .limit(pageSize + 1)
    .toArray();
  const rows = found.slice(0, pageSize);
  return { rows, next: found.length > pageSize ? String(rows.at(-1)?._id) : undefined };
}
