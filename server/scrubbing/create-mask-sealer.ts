import type { SigningKeys } from '../auth/signing-keys.js';
import { Sealer } from '../crypto/sealer.js';

/** The master keys of the secrets, where the settings have any. */
export interface MasterKeys {
  secretsMasterKey: Buffer | undefined;
  secretsPreviousMasterKeys: Buffer[] | undefined;
}

/**
 * What seals the secrets of jobs in progress: keys derived from the master key of the secrets, without one from the
 * signing key. All the others that the process has open what they sealed before, so that a rotation disturbs no job.
 */
export function createMaskSealer(
  { secretsMasterKey: master, secretsPreviousMasterKeys: previous = [] }: MasterKeys,
  { all }: SigningKeys,
): Sealer {
  const masterKeys = master === undefined ? [] : [master, ...previous];
  const signing = all.map(({ key }) => key.export());
  return new Sealer('job masks', [...masterKeys, ...signing]);
}
