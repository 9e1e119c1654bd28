import {
  constants,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';

/** The algorithms with which the provider can sign ID tokens. */
export type SigningAlg = 'RS256' | 'PS256' | 'ES256' | 'EdDSA';

/** A header and payload of a JWT. */
export type JwtPart = Record<string, unknown>;

/** A private key and its key id. */
export interface SigningKey {
  kid: string;
  key: KeyObject;
}

/** The provider's keys by type: RSA signs RS256 and PS256. */
export type SigningKeys = Record<'rsa' | 'ec' | 'ed25519', SigningKey>;

/** Makes a new key of each type. */
export function makeSigningKeys(): SigningKeys {
  const named = ({ privateKey }: { privateKey: KeyObject }) => ({
    kid: randomBytes(8).toString('hex'),
    key: privateKey,
  });
  return {
    rsa: named(generateKeyPairSync('rsa', { modulusLength: 2048 })),
    ec: named(generateKeyPairSync('ec', { namedCurve: 'P-256' })),
    ed25519: named(generateKeyPairSync('ed25519')),
  };
}

/** Returns the key for an algorithm. */
export function keyFor(keys: SigningKeys, alg: SigningAlg): SigningKey {
  if (alg === 'ES256') return keys.ec;
  return alg === 'EdDSA' ? keys.ed25519 : keys.rsa;
}

/** Returns the keys as a JWKS: private for oidc-provider, public for its clients. */
export function presentJwks(keys: SigningKeys, kind: 'private' | 'public'): { keys: JsonWebKey[] } {
  const present = ({ kid, key }: SigningKey): JsonWebKey => {
    const jwk = (kind === 'private' ? key : createPublicKey(key)).export({ format: 'jwk' });
    return { ...jwk, kid, use: 'sig' };
  };
  return { keys: [present(keys.rsa), present(keys.ec), present(keys.ed25519)] };
}

/** Reads a JWT without checking it. */
export function readJwt(token: string): { header: JwtPart; payload: JwtPart } {
  const [header = '', payload = ''] = token.split('.');
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as JwtPart;
  return { header: read(header), payload: read(payload) };
}

/** Signs a JWT with the algorithm that its header names: `none`, `HS256` (a secret) or a `SigningAlg` (a key). */
export function signJwt(header: JwtPart, payload: JwtPart, key?: KeyObject | string): string {
  const encode = (part: JwtPart) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${signBytes(signed, header.alg as string, key).toString('base64url')}`;
}

function signBytes(text: string, alg: string, key?: KeyObject | string): Buffer {
  if (alg === 'none' || key === undefined) return Buffer.alloc(0);
  if (typeof key === 'string') return createHmac('sha256', key).update(text).digest();
  const bytes = Buffer.from(text);
  if (alg === 'ES256') return sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' });
  if (alg === 'EdDSA') return sign(null, bytes, key);
  if (alg === 'RS256') return sign('sha256', bytes, key);
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
  return sign('sha256', bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
}
