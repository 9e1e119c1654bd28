import type { Core } from '../core/core.js';
import type { UploadBody } from '../http/upload.js';
import type { JobServices } from '../job/services.js';
import type { Hold } from '../leases/hold-job.js';
import { findLostAttempt, keepLate } from '../leases/keep-late.js';
import type { ScrubbingServices } from '../scrubbing/services.js';

/** Maximum size of a late artifact that is kept, in bytes. In base64 it nearly fills the space for late data. */
const maxBytes = 45 * 1024;

/**
 * Stores an artifact from an agent that lost the job, in base64, with the lost attempt. If the artifact is larger than
 * the maximum, only the fact that it arrived is stored. The body of an agent that never held the job is not read.
 */
export async function keepLateArtifact(
  deps: Core & Pick<JobServices, 'collections'> & Pick<ScrubbingServices, 'jobMasks'>,
  hold: Hold,
  body: UploadBody,
): Promise<void> {
  if (findLostAttempt(hold) === undefined) return;
  const { file } = await body.open();
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of file) {
    pieces.push(piece);
    length += piece.length;
    if (length > maxBytes) break;
  }
  const kept =
    length > maxBytes ? { more_than_bytes: maxBytes } : { base64: Buffer.concat(pieces).toString('base64') };
  await keepLate(deps, hold, { kind: 'artifact', mask: () => kept });
}
