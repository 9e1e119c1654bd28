import type { JobServices } from '../job/services.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import type { Core } from '../core/core.js';
import type { Upload } from '../http/upload.js';
import type { Hold } from '../leases/held-job.js';
import { keepLate } from '../leases/keep-late.js';

/** Bytes of a late artifact that is kept: as base64 it has room beside little else. */
const mostBytes = 45 * 1024;

/** Keeps an artifact that a lost holder sends with its attempt, in base64; of a large one, only that it came. */
export async function keepLateArtifact(
  deps: Core & Pick<JobServices, 'collections'> & Pick<ScrubbingServices, 'jobMasks'>,
  hold: Hold,
  file: Upload['file'],
): Promise<void> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of file) {
    pieces.push(piece);
    length += piece.length;
    if (length > mostBytes) break;
  }
  const kept =
    length > mostBytes
      ? { more_than_bytes: mostBytes }
      : { base64: Buffer.concat(pieces).toString('base64') };
  await keepLate(deps, hold, { kind: 'artifact', mask: () => kept });
}
