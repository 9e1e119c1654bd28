import type { StoredFile } from './collections.js';
import { downloadFile } from './download-file.js';
import type { FileServices } from './services.js';

/**
 * Returns whether a stream has the same bytes as a stored file. It reads both at the same pace and stops at the first
 * difference, so a short stream never causes a long read.
 * @throws what the stream or the database throws
 */
export async function hasBytesOf(
  deps: Pick<FileServices, 'collections'>,
  file: StoredFile,
  stream: AsyncIterable<Uint8Array>,
): Promise<boolean> {
  const stored = downloadFile(deps, file);
  const pieces = stored[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let left = Buffer.alloc(0);
  try {
    for await (const sent of stream) {
      for (let compared = 0; compared < sent.length; ) {
        if (left.length === 0) left = (await pieces.next()).value ?? left;
        const part = sent.subarray(compared, compared + left.length);
        // No bytes are left: the stored file is shorter.
        if (part.length === 0 || !left.subarray(0, part.length).equals(part)) return false;
        compared += part.length;
        left = left.subarray(part.length);
      }
    }
    return left.length === 0 && (await pieces.next()).done === true;
  } finally {
    stored.destroy();
  }
}
