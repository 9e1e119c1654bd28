import type { SigningKeys } from '../auth/signing-keys.js';
import { Sealer } from '../crypto/sealer.js';

/** The master keys of the secrets, `undefined` if they are not configured. */
export interface MasterKeys {
  secretsMasterKey: Buffer | undefined;
  secretsPreviousMasterKeys: Buffer[] | undefined;
}

/**
 * Creates the sealer that encrypts the stored secrets of jobs in progress. Its key is derived from the master key of
 * the secrets, or from the signing key if there is no master key. Keys derived from all other configured keys decrypt
 * what they encrypted earlier, so a key rotation does not affect running jobs.
 */
export function createMaskSealer(
  { secretsMasterKey: master, secretsPreviousMasterKeys: previous = [] }: MasterKeys,
  { all }: SigningKeys,
): Sealer {
  const masterKeys = master === undefined ? [] : [master, ...previous];
  const signing = all.map(({ key }) => key.export());
  return new Sealer('job masks', [...masterKeys, ...signing]);
}
