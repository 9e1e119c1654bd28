import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { basename } from 'node:path';
import { compare as bcryptCompare, hash as bcryptHash } from 'bcryptjs';

/** As `nice` has it: where cores are few, requests that need no hash go first. */
const niceness = 10;

try {
  // Linux knows a thread by a number of its own; elsewhere hashes share the cores evenly.
  setPriority(Number(basename(readlinkSync('/proc/thread-self'))), niceness);
} catch {
  // So they do where priorities are not to be changed.
}

/** Compares a secret with a hash, or makes a hash; runs in worker threads only. */
export default function bcryptWork(
  task: { secret: string; hash: string } | { secret: string; cost: number },
): Promise<boolean | string> {
  return 'hash' in task ? bcryptCompare(task.secret, task.hash) : bcryptHash(task.secret, task.cost);
}
