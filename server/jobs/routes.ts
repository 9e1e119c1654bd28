import { z } from 'zod';
import type { DepsOf } from '../core/core.js';
import { empty, json, text } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { jobErrors } from '../job/errors.js';
import { findJob } from '../job/find-job.js';
import { getJobId } from '../job/get-job-id.js';
import { readJobId } from '../job/job-id.js';
import { jobSchema, submittedJobSchema } from '../job/job-schema.js';
import type { JobServices } from '../job/services.js';
import { roleGroups } from '../principal/roles.js';
import { object, oneOf } from '../schema/schema.js';
import { secretErrors } from '../secrets/errors.js';
import { cancelJob } from './cancel-job.js';
import { jobsErrors } from './errors.js';
import { getJobPosition } from './get-job-position.js';
import { presentJob, type ShownJob, shownFields } from './present-job.js';
import type { JobsServices } from './services.js';
import { submitJob } from './submit-job.js';

type RouteDeps = Pick<JobServices, 'countJobs'> & Pick<JobsServices, 'config'> & DepsOf<typeof submitJob>;
const route = routesOf<RouteDeps>();

const submitters = { roles: roleGroups.submitters } as const;
const jobAnswer = z.looseObject({
  ...jobSchema.shape,
  job_id: z.string(),
  exclude_agents: z.array(z.string()),
});
const attemptAnswer = z.strictObject({
  attempt: z.int(),
  holder: z.string(),
  started_at: z.iso.datetime().optional(),
  ended_at: z.iso.datetime(),
  reason: z.enum(['lease_expired', 'resubmitted']),
  job_state: z.string(),
  discarded: z.int().optional(),
});
const shownJobAnswer = jobAnswer.extend({
  lease: z
    .strictObject({ attempt: z.int(), holder: z.string().optional(), until: z.iso.datetime().optional() })
    .optional(),
  attempts: z.array(attemptAnswer).optional(),
});

/** The routes that submit, show and cancel jobs. */
export const jobRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'POST',
    path: '/v1/job',
    family: 'v1',
    summary: 'Submit a job',
    access: submitters,
    audit: { none: 'the job records its submitter' },
    headers: {
      'idempotency-key':
        'Makes retries safe: a request with the same key and body within a day returns the same job.',
    },
    body: { mode: 'json', schema: submittedJobSchema, limit: 16 * 1024 * 1024 - 1 },
    answers: { 200: { description: 'The job is stored.', content: z.strictObject({ job_id: z.string() }) } },
    errors: [
      jobsErrors.noAgentLeft,
      secretErrors.jobWithoutStore,
      secretErrors.jobWithoutClient,
      secretErrors.inaccessible,
      jobErrors.idInvalid,
      jobsErrors.resubmitRefused,
      jobsErrors.pushUnauthenticated,
      jobsErrors.pushRefused,
      jobsErrors.idempotencyKeyReused,
    ],
    async handle(deps, { body, principal: caller, header, noteJob }) {
      const jobId = await submitJob(deps, { caller, input: body, idempotencyKey: header('idempotency-key') });
      noteJob(readJobId(jobId) ?? jobId);
      return json({ job_id: jobId });
    },
  }),
  route({
    method: 'GET',
    path: '/v1/job/{job_id}',
    family: 'v1',
    summary: 'Get a job as it was submitted, and its holder',
    description:
      'After a claim, `lease` names the holder, and `attempts` lists the attempts that ended without a result.',
    access: submitters,
    audit: { none: 'a read changes nothing' },
    answers: {
      200: { description: 'The job.', content: shownJobAnswer },
      204: { description: 'No job has this id.', content: 'none' },
    },
    errors: [jobErrors.idInvalid],
    async handle(deps, request) {
      const job = await findJob<ShownJob>(deps, getJobId(request), shownFields);
      return job === undefined ? empty() : json(presentJob(job, request.params.job_id));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/job/{job_id}/position',
    family: 'v1',
    summary: 'Get the number of waiting jobs before a job',
    access: submitters,
    audit: { none: 'a read changes nothing' },
    answers: { 200: { description: 'The number.', content: 'text' } },
    errors: [jobErrors.idInvalid, jobsErrors.notWaiting],
    async handle(deps, request) {
      return text(String(await getJobPosition(deps, getJobId(request))));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/job/{job_id}/action',
    family: 'v1',
    summary: 'Cancel a job',
    access: submitters,
    audit: ['job_cancelled'],
    body: { mode: 'json', schema: object({ action: oneOf('cancel') }) },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: [jobErrors.idInvalid, jobsErrors.alreadyEnded, jobsErrors.notOwned],
    async handle(deps, request) {
      const jobId = getJobId(request);
      await cancelJob(deps, request.principal, jobId);
      return text('OK');
    },
  }),
];
