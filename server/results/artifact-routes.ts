import type { DepsOf } from '../core/core.js';
import { presentWholeFile } from '../http/present-file.js';
import { empty } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { uploadSchema } from '../http/upload.js';
import { jobErrors } from '../job/errors.js';
import { getJobId } from '../job/get-job-id.js';
import { leaseErrors } from '../leases/errors.js';
import { presentDiscarded } from '../leases/present-discarded.js';
import { roleGroups } from '../principal/roles.js';
import { findArtifact, storeArtifact } from './store-artifact.js';

type RouteDeps = DepsOf<typeof storeArtifact>;
const route = routesOf<RouteDeps>();

/** The routes of artifacts: the files that an agent keeps from a job, as one compressed archive. */
export const artifactRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'POST',
    path: '/v1/result/{job_id}/artifact',
    family: 'v1',
    summary: 'Store the artifact of a job',
    description: 'Replaces an earlier artifact. The response is `OK` for an unknown job too.',
    access: { roles: roleGroups.agents },
    audit: { none: 'the job records it' },
    body: { mode: 'multipart', schema: uploadSchema },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: [jobErrors.idInvalid, leaseErrors.notHeld],
    async handle(deps, request) {
      const jobId = getJobId(request);
      const isStored = await storeArtifact(deps, request.principal, jobId, request.body);
      return presentDiscarded(deps, 'artifact', isStored);
    },
  }),
  route({
    method: 'GET',
    path: '/v1/result/{job_id}/artifact',
    family: 'v1',
    summary: 'Get the artifact of a job',
    access: { roles: roleGroups.submitters },
    audit: { none: 'a read changes nothing' },
    answers: {
      200: { description: 'The archive.', content: { file: 'application/x-tar' } },
      204: { description: 'The job has no artifact.', content: 'none' },
    },
    errors: [jobErrors.idInvalid],
    async handle(deps, request) {
      const file = await findArtifact(deps, getJobId(request));
      if (file === undefined) return empty();
      // The stock CLI writes the received bytes to its file, so they must be the stored bytes.
      return presentWholeFile(deps, file, 'application/x-tar', {
        'Content-Encoding': 'gzip',
        'Content-Disposition': 'inline; filename=artifact.tar.gz',
      });
    },
  }),
];
