/*
 * Runs as its own process, forked by download-mongod.ts: mongodb-memory-server reads its settings from the environment
 * at import, and a stalled download can only be stopped together with its process.
 */
import { DryMongoBinary, MongoBinary } from 'mongodb-memory-server';

/**
 * A message from the process: first that it begins, then the path of the binary (absent if the cache has none) or an
 * error.
 */
export interface DownloadMessage {
  begins?: true;
  binary?: string | undefined;
  error?: string;
}

const [task = '', version = ''] = process.argv.slice(2);

// The channel closes when the parent process ends: nothing needs the file any more.
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
