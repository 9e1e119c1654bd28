import { createSecretKey, type KeyObject } from 'node:crypto';
import { sha256 } from '../crypto/digest.js';

/** A key with the `kid` that tokens signed with it carry in their header. */
export interface SigningKey {
  kid: string;
  key: KeyObject;
}

/** The key that signs, and those that verify only (RFC 7515 section 4.1.4 for `kid`). */
export interface SigningKeys {
  current: SigningKey;
  /** The current one first. */
  all: readonly SigningKey[];
}

/** Prepares the keys once; each is used as the UTF-8 bytes of its text, as Testflinger servers do. */
export function readSigningKeys(current: string, previous: readonly string[] = []): SigningKeys {
  const all = [current, ...previous].map(readSigningKey);
  return { current: all[0] as SigningKey, all };
}

/** The `kid` names a key without telling it: 48 bits of a digest that serves nothing else. */
function readSigningKey(text: string): SigningKey {
  const kid = sha256(`queuepass kid\0${text}`, 'base64url').slice(0, 8);
  return { kid, key: createSecretKey(Buffer.from(text, 'utf8')) };
}
