import { keepOneFile } from '../db/files.js';
import { uploadFile } from '../db/upload-file.js';
import type { Deps } from '../deps.js';
import type { Upload } from '../http/upload.js';
import { artifactName } from './job-files.js';

/**
 * Stores the artifact of a job in place of an earlier one, which can be fetched until then. For a job that is not
 * known too, as Testflinger does: that of a long reservation may have expired before its agent is done.
 */
export async function storeArtifact(deps: Deps, jobId: string, { file }: Upload): Promise<void> {
  const name = artifactName(jobId);
  await uploadFile(deps, name, file);
  await keepOneFile(deps, name);
}
