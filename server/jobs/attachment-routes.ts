import type { DepsOf } from '../core/core.js';
import { httpErrors } from '../http/errors.js';
import { presentFile } from '../http/present-file.js';
import { empty, text } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { uploadSchema } from '../http/upload.js';
import { jobErrors } from '../job/errors.js';
import { getJobId } from '../job/get-job-id.js';
import { leaseErrors } from '../leases/errors.js';
import { holdJob } from '../leases/hold-job.js';
import { roleGroups } from '../principal/roles.js';
import { jobsErrors } from './errors.js';
import { findAttachments, storeAttachments } from './store-attachments.js';

type RouteDeps = DepsOf<typeof holdJob> & DepsOf<typeof storeAttachments>;
const route = routesOf<RouteDeps>();

/** The routes of attachments: the files that a submitter sends with a job, as one compressed archive. */
export const attachmentRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'POST',
    path: '/v1/job/{job_id}/attachments',
    family: 'v1',
    summary: 'Upload the attachments of a job',
    description:
      'From then on, agents can claim the job. A repeated upload, also one without a body, changes nothing.',
    access: { roles: roleGroups.submitters },
    audit: { none: 'the job records them' },
    body: { mode: 'multipart', schema: uploadSchema },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: [
      jobErrors.idInvalid,
      jobsErrors.attachmentsJobUnknown,
      jobsErrors.attachmentsNotAwaited,
      jobsErrors.notOwned,
      jobsErrors.attachmentsDiffer,
      jobsErrors.anonymousUploadsFull,
    ],
    async handle(deps, request) {
      const jobId = getJobId(request);
      await storeAttachments(deps, request.principal, jobId, request.body);
      return text('OK');
    },
  }),
  route({
    method: 'GET',
    path: '/v1/job/{job_id}/attachments',
    family: 'v1',
    summary: 'Download the attachments of a job, or a part of them',
    access: { roles: roleGroups.agents },
    audit: { none: 'a read changes nothing' },
    headers: {
      range: 'The part to send, such as `bytes=1000-`, to resume a download (RFC 9110 section 14.2).',
      'if-range': 'The `ETag` that the file must have for a part to be sent.',
      'if-none-match': 'The `ETag` of the copy that the client has.',
    },
    answers: {
      200: { description: 'The archive.', content: { file: 'application/gzip' } },
      206: { description: 'The part.', content: { file: 'application/gzip' } },
      204: { description: 'The job has no attachments.', content: 'none' },
      304: { description: 'The copy that the client has is current.', content: 'none' },
    },
    errors: [jobErrors.idInvalid, leaseErrors.notHeld, httpErrors.rangeNotSatisfiable],
    async handle(deps, request) {
      const jobId = getJobId(request);
      await holdJob(deps, request.principal, jobId, { writes: false, forHolder: true });
      const file = await findAttachments(deps, jobId);
      return file === undefined ? empty() : presentFile(deps, file, 'application/gzip', request);
    },
  }),
];
