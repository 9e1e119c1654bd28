import { compare as bcryptCompare, hash as bcryptHash } from 'bcryptjs';

/** A task of a worker: compares a secret with a hash, or makes a hash. */
export type BcryptTask =
  | {
      secret: string;
      hash: string;
      /** Hashes that are compared as well if the secret is wrong, for the time that this takes. */
      padding: readonly string[];
    }
  | { secret: string; cost: number };

/** Does one task, which takes the thread's whole time. */
export async function runBcryptTask(task: BcryptTask): Promise<boolean | string> {
  if (!('hash' in task)) return bcryptHash(task.secret, task.cost);
  if (await bcryptCompare(task.secret, task.hash)) return true;
  for (const hash of task.padding) await bcryptCompare(task.secret, hash);
  return false;
}
