import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { Binary } from 'mongodb';

const algorithm = 'aes-256-gcm';
const keyBytes = 32;
const idBytes = 4;
const nonceBytes = 12;
const tagBytes = 16;
const emptySalt = new Uint8Array(0);

interface DerivedKey {
  id: Buffer;
  key: Buffer;
}

/**
 * Seals texts for one purpose with AES-256-GCM and a random nonce (NIST SP 800-38D). The keys are derived for that
 * purpose alone (HKDF-SHA-256, RFC 5869) from other keys of the process. A sealed text names its key by a 32-bit id, so
 * texts that earlier keys sealed can still be opened.
 */
export class Sealer {
  readonly #keys: readonly DerivedKey[];

  /** @param keys the current key, which seals, then earlier keys; each has 16 bytes or more */
  constructor(purpose: string, keys: readonly Uint8Array[]) {
    this.#keys = keys.map((key) => derive(purpose, key));
  }

  /** @param context names where the sealed text is stored; it can be opened only with the same context */
  seal(text: string, context: string): Binary {
    const { id, key } = this.#keys[0] as DerivedKey;
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, key, nonce).setAAD(Buffer.from(context));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return new Binary(Buffer.concat([id, nonce, sealed, cipher.getAuthTag()]));
  }

  /** Returns the text, or `undefined` if none of the keys sealed it with this context, or it was changed since. */
  open(sealed: Binary, context: string): string | undefined {
    const bytes = Buffer.from(sealed.value());
    if (bytes.length < idBytes + nonceBytes + tagBytes) return undefined;
    const id = bytes.subarray(0, idBytes);
    const known = this.#keys.find((candidate) => candidate.id.equals(id));
    return known && openWith(known.key, bytes.subarray(idBytes), context);
  }
}

function derive(purpose: string, key: Uint8Array): DerivedKey {
  const derived = Buffer.from(hkdfSync('sha256', key, emptySalt, `queuepass ${purpose}`, keyBytes));
  return { key: derived, id: createHash('sha256').update(derived).digest().subarray(0, idBytes) };
}

function openWith(key: Buffer, bytes: Buffer, context: string): string | undefined {
  const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes)).setAAD(
    Buffer.from(context),
  );
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]).toString(
      'utf8',
    );
  } catch {
    return undefined;
  }
}
