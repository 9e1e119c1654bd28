import { createSecretKey, type KeyObject } from 'node:crypto';
import { sha256 } from '../crypto/digest.js';

/** A key, and the `kid` in the header of tokens that it signed. */
export interface SigningKey {
  kid: string;
  key: KeyObject;
}

/** The key that signs and all keys that verify (RFC 7515 section 4.1.4 for `kid`). */
export interface SigningKeys {
  current: SigningKey;
  /** The current key first. */
  all: readonly SigningKey[];
}

/** Prepares the keys at start; each key is the UTF-8 bytes of its text, as on Testflinger servers. */
export function readSigningKeys(current: string, previous: readonly string[] = []): SigningKeys {
  const all = [current, ...previous].map(readSigningKey);
  return { current: all[0] as SigningKey, all };
}

/** Makes a key and its `kid`, which does not reveal the key: 48 bits of a digest that has no other use. */
function readSigningKey(text: string): SigningKey {
  const kid = sha256(`queuepass kid\0${text}`, 'base64url').slice(0, 8);
  return { kid, key: createSecretKey(Buffer.from(text, 'utf8')) };
}
