import { createPublicKey, type KeyObject } from 'node:crypto';
import { type JwtPart, makeSigningKeys, signJwt } from './signing.js';

/** A valid ID token and what is needed to make an invalid one of it. */
export interface IdTokenParts {
  /** The valid token, as the provider issued it. */
  token: string;
  header: JwtPart;
  payload: JwtPart;
  /** The provider's key. */
  key: KeyObject;
  clientSecret: string;
}

type Spoil = (parts: IdTokenParts) => string;

/** A key of each type that no provider publishes. */
const strange = makeSigningKeys();
const strangeKey = ({ header }: IdTokenParts): KeyObject =>
  header.alg === 'ES256' ? strange.ec.key : header.alg === 'EdDSA' ? strange.ed25519.key : strange.rsa.key;

const now = () => Math.floor(Date.now() / 1000);
const another = 'another-client';

/** Changes claims and signs with the provider's key, so that nothing else is wrong. */
function claims(change: (payload: JwtPart) => JwtPart): Spoil {
  return ({ header, payload, key }) => signJwt(header, { ...payload, ...change(payload) }, key);
}

/** Changes the header and signs with the provider's key. */
function headers(change: JwtPart): Spoil {
  return ({ header, payload, key }) => signJwt({ ...header, ...change }, payload, key);
}

/**
 * The kinds of spoilt ID tokens. A client must refuse them all, except two: OpenID Connect Core lets a client accept
 * `several audiences, own azp` if it trusts the other audience, and leaves `iat a day ago` to the client.
 */
export const spoiltIdTokens = {
  'another key, same kid': (parts) => signJwt(parts.header, parts.payload, strangeKey(parts)),
  'another key, in the header': (parts) => {
    const key = strangeKey(parts);
    const jwk = createPublicKey(key).export({ format: 'jwk' });
    return signJwt({ ...parts.header, jwk }, parts.payload, key);
  },
  'another key, unknown kid': (parts) =>
    signJwt({ ...parts.header, kid: 'unknown' }, parts.payload, strangeKey(parts)),
  'unknown kid': headers({ kid: 'unknown' }),
  'changed after signing': ({ token, payload }) => {
    const [header, , signature] = token.split('.');
    const changed = Buffer.from(JSON.stringify({ ...payload, sub: '1' })).toString('base64url');
    return [header, changed, signature].join('.');
  },
  'no signature': ({ token }) => token.replace(/[^.]*$/, ''),
  'alg none': ({ header, payload }) => signJwt({ ...header, alg: 'none' }, payload),
  'HS256 with the public key': ({ header, payload, key }) => {
    const pem = createPublicKey(key).export({ type: 'spki', format: 'pem' }) as string;
    return signJwt({ ...header, alg: 'HS256' }, payload, pem);
  },
  'HS256 with the client secret': ({ header, payload, clientSecret }) =>
    signJwt({ ...header, alg: 'HS256' }, payload, clientSecret),
  'unknown critical header': headers({ crit: ['x-unknown'], 'x-unknown': true }),
  'another issuer': claims(() => ({ iss: 'https://another.example' })),
  'no issuer': claims(() => ({ iss: undefined })),
  'another audience': claims(() => ({ aud: another })),
  'no audience': claims(() => ({ aud: undefined })),
  'several audiences, no azp': claims(({ aud }) => ({ aud: [aud, another] })),
  'several audiences, azp of another client': claims(({ aud }) => ({ aud: [aud, another], azp: another })),
  'several audiences, own azp': claims(({ aud }) => ({ aud: [aud, another], azp: aud })),
  'one audience, azp of another client': claims(() => ({ azp: another })),
  'another nonce': claims(() => ({ nonce: 'another' })),
  'no nonce': claims(() => ({ nonce: undefined })),
  expired: claims(() => ({ iat: now() - 7200, exp: now() - 3600 })),
  'no exp': claims(() => ({ exp: undefined })),
  'iat in the future': claims(() => ({ iat: now() + 3600, exp: now() + 7200 })),
  'no iat': claims(() => ({ iat: undefined })),
  'iat a day ago': claims(() => ({ iat: now() - 86_400 })),
  'nbf in the future': claims(() => ({ nbf: now() + 3600 })),
  'no sub': claims(() => ({ sub: undefined })),
  'a number as sub': claims(({ sub }) => ({ sub: Number(sub) })),
  'no JWT': () => 'not-a-token',
} satisfies Record<string, Spoil>;

/** The name of a kind of invalid ID token. */
export type SpoiltIdToken = keyof typeof spoiltIdTokens;

/** The names of all kinds. */
export const spoiltIdTokenKinds = Object.keys(spoiltIdTokens) as SpoiltIdToken[];
