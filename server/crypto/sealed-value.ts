import { Binary } from 'mongodb';
import { openBytes, sealBytes } from './sealed-bytes.js';

/** A key that seals values, and the id that sealed values name it by. */
export interface DataKey {
  /** A UUID, 16 bytes. */
  id: Buffer;
  /** 96 bytes. */
  key: Buffer;
}

/** The first byte of a value sealed with a random IV, and the BSON type of its content: binary. */
const randomAlgorithm = 2;
const bsonBinary = 5;
const headerBytes = 18;

/** Seals a text as Testflinger stores secrets: as a BSON binary of its UTF-8 bytes, in a Binary of subtype 6. */
export function sealValue({ id, key }: DataKey, text: string): Binary {
  const header = Buffer.concat([Buffer.from([randomAlgorithm]), id, Buffer.from([bsonBinary])]);
  const bytes = Buffer.from(text, 'utf8');
  const inside = Buffer.alloc(5);
  inside.writeInt32LE(bytes.length);
  const sealed = sealBytes(key, header, Buffer.concat([inside, bytes]));
  return new Binary(Buffer.concat([header, sealed]), Binary.SUBTYPE_ENCRYPTED);
}

/** Returns the id of the data key that a stored value names, or `undefined` if the value is not sealed in this form. */
export function readKeyId(value: unknown): Buffer | undefined {
  if (!(value instanceof Binary) || value.sub_type !== Binary.SUBTYPE_ENCRYPTED) return undefined;
  const bytes = asBuffer(value);
  if (bytes.length < headerBytes || bytes[0] !== randomAlgorithm || bytes[17] !== bsonBinary)
    return undefined;
  return bytes.subarray(1, 17);
}

/** Returns the text of a stored value, or `undefined` if this key did not seal it or it was changed since. */
export function openValue({ key }: DataKey, value: Binary): string | undefined {
  const bytes = asBuffer(value);
  const inside = openBytes(key, bytes.subarray(0, headerBytes), bytes.subarray(headerBytes));
  if (inside === undefined || inside.length < 5 || inside.readInt32LE() !== inside.length - 5)
    return undefined;
  return inside.subarray(5).toString('utf8');
}

function asBuffer(value: Binary): Buffer {
  const { buffer, byteOffset } = value.buffer;
  return Buffer.from(buffer, byteOffset, value.position);
}
