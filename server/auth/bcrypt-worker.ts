import { compare as bcryptCompare, hash as bcryptHash } from 'bcryptjs';

/** Compares a secret with a hash, or makes a hash; runs in worker threads only. */
export default function bcryptWork(
  task: { secret: string; hash: string } | { secret: string; cost: number },
): Promise<boolean | string> {
  return 'hash' in task ? bcryptCompare(task.secret, task.hash) : bcryptHash(task.secret, task.cost);
}
