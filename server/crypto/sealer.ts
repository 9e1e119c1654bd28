import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { Binary } from 'mongodb';

const cipher = 'aes-256-gcm';
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
 * Seals texts for one purpose, with keys that are derived for it alone (HKDF-SHA-256, RFC 5869) from keys that the
 * process has anyway; AES-256-GCM with a random nonce (NIST SP 800-38D). A sealed text names its key by 32 bits, so that
 * earlier keys open what they sealed.
 */
export class Sealer {
  readonly #keys: readonly DerivedKey[];

  /** @param keys the present one, which seals, then earlier ones; each of 16 bytes or more */
  constructor(purpose: string, keys: readonly Uint8Array[]) {
    this.#keys = keys.map((key) => derive(purpose, key));
  }

  /** @param place where the sealed text stands: it opens nowhere else */
  seal(text: string, place: string): Binary {
    const { id, key } = this.#keys[0] as DerivedKey;
    const nonce = randomBytes(nonceBytes);
    const sealing = createCipheriv(cipher, key, nonce).setAAD(Buffer.from(place));
    const sealed = Buffer.concat([sealing.update(text, 'utf8'), sealing.final()]);
    return new Binary(Buffer.concat([id, nonce, sealed, sealing.getAuthTag()]));
  }

  /** The text, or `undefined` when none of the keys sealed it, or it was changed or moved. */
  open(sealed: Binary, place: string): string | undefined {
    const bytes = Buffer.from(sealed.value());
    if (bytes.length < idBytes + nonceBytes + tagBytes) return undefined;
    const id = bytes.subarray(0, idBytes);
    const known = this.#keys.find((one) => one.id.equals(id));
    return known && openWith(known.key, bytes.subarray(idBytes), place);
  }
}

function derive(purpose: string, key: Uint8Array): DerivedKey {
  const derived = Buffer.from(hkdfSync('sha256', key, emptySalt, `queuepass ${purpose}`, keyBytes));
  return { key: derived, id: createHash('sha256').update(derived).digest().subarray(0, idBytes) };
}

function openWith(key: Buffer, bytes: Buffer, place: string): string | undefined {
  const opening = createDecipheriv(cipher, key, bytes.subarray(0, nonceBytes)).setAAD(Buffer.from(place));
  opening.setAuthTag(bytes.subarray(-tagBytes));
  try {
    return Buffer.concat([opening.update(bytes.subarray(nonceBytes, -tagBytes)), opening.final()]).toString(
      'utf8',
    );
  } catch {
    return undefined;
  }
}
