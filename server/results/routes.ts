import { z } from 'zod';
import type { Patience } from '../hub/change-watch.js';
import type { Deps } from '../deps.js';
import { ApiError } from '../errors/api-error.js';
import { type AnyRoute, type RouteRequest, route } from '../http/route.js';
import { getJobId } from '../job/get-job-id.js';
import { presentTaken } from '../leases/present-taken.js';
import { getLog, logQuery } from './get-log.js';
import { getResult } from './get-result.js';
import { fragmentInput, type LogType, logTypes, phases, readLogType } from '../logs/log-fragment.js';
import { postLogFragment } from './post-log-fragment.js';
import { postResult, resultInput } from './post-result.js';
import { waitForPiece, waitForState } from './wait-for-news.js';

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

/** The log that the path names. @throws ApiError 404 as for a path that does not exist. */
function getLogType(
  { config }: Deps,
  { params }: RouteRequest<{ job_id: string; log_type: string }>,
): LogType {
  const logType = readLogType(params.log_type);
  if (logType !== undefined) return logType;
  const path = `${config.basePath}/v1/result/${params.job_id}/log/${params.log_type}`;
  throw new ApiError('not_found', { message: `Not found: ${path}` });
}

function patienceOf({ waitSeconds, onGone }: RouteRequest): Patience {
  return { seconds: waitSeconds, onGone };
}

/** Results and logs of jobs. */
export const resultRoutes: readonly AnyRoute[] = [
  route({
    method: 'POST',
    path: '/v1/result/{job_id}',
    family: 'v1',
    summary: 'An agent tells how a job goes',
    description: 'Each field that is given replaces the stored one; `OK` for an unknown job too.',
    access: { roles: ['agent'] },
    body: { mode: 'json', schema: resultInput, limit: 16 * mebibyte - 1 },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: ['job_id_invalid', 'job_not_held'],
    async handle(deps, request) {
      const jobId = getJobId(request);
      return presentTaken(deps, 'result', await postResult(deps, request, jobId, request.body));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/result/{job_id}',
    family: 'v1',
    summary: 'How a job went, with the texts of its logs',
    description: 'With `Prefer: wait=N` the answer comes when the state changes, or after N seconds.',
    access: { roles: ['agent', 'contributor', 'manager', 'admin'] },
    answers: {
      200: { description: 'The result.', content: resultAnswer },
      204: { description: 'No job has this id.', content: 'none' },
    },
    errors: ['job_id_invalid'],
    waits: true,
    async handle(deps, request) {
      const jobId = getJobId(request);
      await waitForState(deps, jobId, patienceOf(request));
      return getResult(deps, request, jobId);
    },
  }),
  route({
    method: 'POST',
    path: '/v1/result/{job_id}/log/{log_type}',
    family: 'v1',
    summary: 'An agent sends a piece of a log',
    description: 'A piece sent twice is stored once.',
    access: { roles: ['agent'] },
    body: { mode: 'json', schema: fragmentInput, limit: 8 * mebibyte },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: ['job_id_invalid', 'job_not_held'],
    async handle(deps, request) {
      const logType = getLogType(deps, request);
      const jobId = getJobId(request);
      const piece = { jobId, logType, fragment: request.body };
      return presentTaken(deps, 'log', await postLogFragment(deps, request, piece));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/result/{job_id}/log/{log_type}',
    family: 'v1',
    summary: 'A log of a job, by phase',
    description:
      'With `Prefer: wait=N` the answer comes when there is a piece that is asked for, or after N seconds.',
    access: { roles: ['contributor', 'manager', 'admin'] },
    query: logQuery,
    queryError: 'log_query_invalid',
    answers: { 200: { description: 'The log.', content: logAnswer } },
    errors: ['job_id_invalid_json_line'],
    waits: true,
    async handle(deps, request) {
      const logType = getLogType(deps, request);
      const jobId = getJobId(request, 'job_id_invalid_json_line');
      const { query: range } = request;
      await waitForPiece(deps, { jobId, logType, range }, patienceOf(request));
      return getLog(deps, jobId, logType, range);
    },
  }),
];
