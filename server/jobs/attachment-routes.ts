import type { JobsServices } from './services.js';
import type { DepsOf } from '../core/core.js';
import { roleGroups } from '../principal/roles.js';
import { httpErrors } from '../http/errors.js';
import { jobErrors } from '../job/errors.js';
import { jobsErrors } from './errors.js';
import { presentFile } from '../http/present-file.js';
import { empty, text } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { uploadSchema } from '../http/upload.js';
import { holdJob } from '../leases/held-job.js';
import { getJobId } from '../job/get-job-id.js';
import { checkJobOwner } from './job-ownership.js';
import { findAttachments, storeAttachments } from './store-attachments.js';

type RouteDeps = Pick<JobsServices, 'config'> & DepsOf<typeof holdJob> & DepsOf<typeof storeAttachments>;
const route = routesOf<RouteDeps>();

/** Attachments: what a submitter sends along with a job, as one compressed archive. */
export const attachmentRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'POST',
    path: '/v1/job/{job_id}/attachments',
    family: 'v1',
    summary: 'Stores the attachments that a job awaits',
    description: 'Agents can take the job from then on. Sent again it changes nothing.',
    access: { roles: roleGroups.submitters },
    body: { mode: 'multipart', schema: uploadSchema },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: [
      jobErrors.idInvalid,
      jobsErrors.attachmentsJobUnknown,
      jobsErrors.attachmentsNotAwaited,
      jobsErrors.notOwned,
    ],
    async handle(deps, request) {
      const jobId = getJobId(request);
      await checkJobOwner(deps, request.principal, jobId);
      await storeAttachments(deps, jobId, request.body);
      return text('OK');
    },
  }),
  route({
    method: 'GET',
    path: '/v1/job/{job_id}/attachments',
    family: 'v1',
    summary: 'The attachments of a job, or a part of them',
    access: { roles: roleGroups.agents },
    headers: {
      range: 'A part, such as `bytes=1000-`, to go on after a cut (RFC 9110 section 14.2).',
      'if-range': 'The `ETag` that the part must belong to.',
      'if-none-match': 'The `ETag` of what the client has.',
    },
    answers: {
      200: { description: 'The archive.', content: { file: 'application/gzip' } },
      206: { description: 'The part.', content: { file: 'application/gzip' } },
      204: { description: 'The job has none.', content: 'none' },
      304: { description: 'The client has it.', content: 'none' },
    },
    errors: [jobErrors.idInvalid, httpErrors.rangeNotSatisfiable],
    async handle(deps, request) {
      const jobId = getJobId(request);
      await holdJob(deps, request.principal, jobId, { writes: false });
      const file = await findAttachments(deps, jobId);
      return file === undefined ? empty() : presentFile(deps, file, 'application/gzip', request);
    },
  }),
];
