import { presentFile } from '../http/present-file.js';
import { empty, text } from '../http/reply.js';
import { type AnyRoute, route } from '../http/route.js';
import { uploadSchema } from '../http/upload.js';
import { holdJob } from '../leases/held-job.js';
import { getJobId } from '../job/get-job-id.js';
import { checkJobOwner } from './job-ownership.js';
import { findAttachments, storeAttachments } from './store-attachments.js';

/** Attachments: what a submitter sends along with a job, as one compressed archive. */
export const attachmentRoutes: readonly AnyRoute[] = [
  route({
    method: 'POST',
    path: '/v1/job/{job_id}/attachments',
    family: 'v1',
    summary: 'Stores the attachments that a job awaits',
    description: 'Agents can take the job from then on. Sent again it changes nothing.',
    access: { roles: ['contributor', 'manager', 'admin'] },
    body: { mode: 'multipart', schema: uploadSchema },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: ['job_id_invalid_line', 'attachments_job_unknown', 'attachments_not_awaited', 'job_not_owned'],
    async handle(deps, request) {
      const jobId = getJobId(request, 'job_id_invalid_line');
      await checkJobOwner(deps, request.caller, jobId);
      await storeAttachments(deps, jobId, request.body);
      return text('OK');
    },
  }),
  route({
    method: 'GET',
    path: '/v1/job/{job_id}/attachments',
    family: 'v1',
    summary: 'The attachments of a job, or a part of them',
    access: { roles: ['agent'] },
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
    errors: ['job_id_invalid_line', 'range_not_satisfiable'],
    async handle(deps, request) {
      const jobId = getJobId(request, 'job_id_invalid_line');
      await holdJob(deps, request, jobId, { writes: false });
      const file = await findAttachments(deps, jobId);
      return file === undefined ? empty() : presentFile(deps, file, 'application/gzip', request);
    },
  }),
];
