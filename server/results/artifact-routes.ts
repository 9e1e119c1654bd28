import { presentWholeFile } from '../http/present-file.js';
import { empty } from '../http/reply.js';
import { type AnyRoute, route } from '../http/route.js';
import { uploadSchema } from '../http/upload.js';
import { getJobId } from '../job/get-job-id.js';
import { presentTaken } from '../leases/present-taken.js';
import { findArtifact, storeArtifact } from './store-artifact.js';

/** Artifacts: what an agent leaves of a job, as one compressed archive. */
export const artifactRoutes: readonly AnyRoute[] = [
  route({
    method: 'POST',
    path: '/v1/result/{job_id}/artifact',
    family: 'v1',
    summary: 'Stores the artifact of a job, in place of an earlier one',
    access: { roles: ['agent'] },
    body: { mode: 'multipart', schema: uploadSchema },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: ['job_id_invalid_line', 'job_not_held'],
    async handle(deps, request) {
      const jobId = getJobId(request, 'job_id_invalid_line');
      return presentTaken(deps, 'artifact', await storeArtifact(deps, request, jobId, request.body));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/result/{job_id}/artifact',
    family: 'v1',
    summary: 'The artifact of a job',
    access: { roles: ['contributor', 'manager', 'admin'] },
    answers: {
      200: { description: 'The archive.', content: { file: 'application/x-tar' } },
      204: { description: 'The job has none.', content: 'none' },
    },
    errors: ['job_id_invalid_line'],
    async handle(deps, request) {
      const file = await findArtifact(deps, getJobId(request, 'job_id_invalid_line'));
      if (file === undefined) return empty();
      // The stock CLI writes the bytes of the wire to its file, so that they must be the stored ones.
      return presentWholeFile(deps, file, 'application/x-tar', {
        'Content-Encoding': 'gzip',
        'Content-Disposition': 'inline; filename=artifact.tar.gz',
      });
    },
  }),
];
