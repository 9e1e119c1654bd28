import { z } from 'zod';
import type { Core, DepsOf } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import { type AnyRoute, type RouteRequest, routesOf } from '../http/route.js';
import type { WaitOptions } from '../hub/signal.js';
import { jobErrors } from '../job/errors.js';
import { getJobId } from '../job/get-job-id.js';
import { phases } from '../job/phases.js';
import { leaseErrors } from '../leases/errors.js';
import { presentDiscarded } from '../leases/present-discarded.js';
import { fragmentInput, type LogType, logTypes, readLogType } from '../logs/log-fragment.js';
import { roleGroups } from '../principal/roles.js';
import { resultErrors } from './errors.js';
import { getLog, logQuery } from './get-log.js';
import { getResult } from './get-result.js';
import { postLogFragment } from './post-log-fragment.js';
import { postResult } from './post-result.js';
import { resultInput } from './result-input.js';
import { waitForFragment, waitForState } from './wait-for-change.js';

type RouteDeps = DepsOf<typeof postResult> &
  DepsOf<typeof postLogFragment> &
  DepsOf<typeof getResult> &
  DepsOf<typeof waitForFragment>;
const route = routesOf<RouteDeps>();

const mebibyte = 1024 * 1024;

const phaseFields = phases.flatMap((phase) => [
  [`${phase}_status`, z.int().optional()],
  ...logTypes.map((type) => [`${phase}_${type}`, z.string().optional()]),
]);
const resultAnswer = z.strictObject({
  ...(Object.fromEntries(phaseFields) as Record<string, z.ZodType>),
  device_info: z.looseObject({}).optional(),
  job_state: z.string().optional(),
});
const logOfPhase = z.strictObject({ last_fragment_number: z.int(), log_data: z.string() });
const logAnswer = z.strictObject({
  output: z.record(z.string(), logOfPhase).optional(),
  serial: z.record(z.string(), logOfPhase).optional(),
});

/** Reads the log type from the path. @throws ApiError 404 as for a path that does not exist */
function getLogType(
  { config }: Core,
  { params }: RouteRequest<{ job_id: string; log_type: string }>,
): LogType {
  const logType = readLogType(params.log_type);
  if (logType !== undefined) return logType;
  const path = `${config.basePath}/v1/result/${params.job_id}/log/${params.log_type}`;
  throw new ApiError(commonErrors.notFound, { message: `Not found: ${path}` });
}

function waitOf({ waitSeconds, onGone }: RouteRequest): Pick<WaitOptions, 'seconds' | 'onGone'> {
  return { seconds: waitSeconds, onGone };
}

/** The routes of results and logs. */
export const resultRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'POST',
    path: '/v1/result/{job_id}',
    family: 'v1',
    summary: 'Report the result of a job',
    description:
      'Each field of the body replaces the stored field. The response is `OK` for an unknown job too.',
    access: { roles: roleGroups.agents },
    audit: { none: 'the job records it' },
    body: { mode: 'json', schema: resultInput, limit: 16 * mebibyte - 1 },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: [jobErrors.idInvalid, leaseErrors.notHeld],
    async handle(deps, request) {
      const jobId = getJobId(request);
      return presentDiscarded(deps, 'result', await postResult(deps, request.principal, jobId, request.body));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/result/{job_id}',
    family: 'v1',
    summary: 'Get the result of a job, with the texts of its logs',
    description: 'With `Prefer: wait=N`, the server responds when the state changes, or after N seconds.',
    access: { roles: roleGroups.everyRole },
    audit: { none: 'a read changes nothing' },
    answers: {
      200: { description: 'The result.', content: resultAnswer },
      204: { description: 'No job has this id.', content: 'none' },
    },
    errors: [jobErrors.idInvalid],
    waits: true,
    async handle(deps, request) {
      const jobId = getJobId(request);
      await waitForState(deps, jobId, waitOf(request));
      return getResult(deps, request.principal, jobId);
    },
  }),
  route({
    method: 'POST',
    path: '/v1/result/{job_id}/log/{log_type}',
    family: 'v1',
    summary: 'Send a log fragment',
    description: 'A fragment that is sent twice is stored once.',
    access: { roles: roleGroups.agents },
    audit: { none: 'the job records it' },
    body: { mode: 'json', schema: fragmentInput, limit: 16 * mebibyte - 1 },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: [jobErrors.idInvalid, leaseErrors.notHeld],
    async handle(deps, request) {
      const logType = getLogType(deps, request);
      const jobId = getJobId(request);
      const input = { jobId, logType, fragment: request.body };
      return presentDiscarded(deps, 'log', await postLogFragment(deps, request.principal, input));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/result/{job_id}/log/{log_type}',
    family: 'v1',
    summary: 'Get a log of a job, by phase',
    description:
      'With `Prefer: wait=N`, the server responds when a fragment matches the query, or after N seconds.',
    access: { roles: roleGroups.submitters },
    audit: { none: 'a read changes nothing' },
    query: logQuery,
    queryError: resultErrors.logQueryInvalid,
    answers: { 200: { description: 'The log.', content: logAnswer } },
    errors: [jobErrors.idInvalid],
    waits: true,
    async handle(deps, request) {
      const logType = getLogType(deps, request);
      const jobId = getJobId(request);
      const { query: range } = request;
      await waitForFragment(deps, { jobId, logType, range }, waitOf(request));
      return getLog(deps, jobId, logType, range);
    },
  }),
];
