/*
 * Runs as a process of its own, forked by download-mongod.ts: mongodb-memory-server reads its settings from
 * the environment at import, and a stalled download of it can only be ended together with its process.
 */
import { DryMongoBinary, MongoBinary } from 'mongodb-memory-server';

/** What the process says: that it begins, then the binary, or no binary (none in the cache), or why it failed. */
export interface DownloadMessage {
  begins?: true;
  binary?: string | undefined;
  error?: string;
}

const [task = '', version = ''] = process.argv.slice(2);

// The starter may die while this runs: its end closes the channel, and nobody waits for the file any more.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

async function runTask(): Promise<DownloadMessage> {
  try {
    if (task === 'locate') return { binary: await DryMongoBinary.locateBinary({ version }) };
    return { binary: await MongoBinary.getPath({ version, checkMD5: true }) };
  } catch (error) {
    return { error: (error instanceof Error ? error.message : String(error)).split('\n').join(' ') };
  }
}

process.send?.({ begins: true } satisfies DownloadMessage);
process.send?.(await runTask());
