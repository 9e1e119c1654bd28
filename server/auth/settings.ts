import { isLoopback } from '../config/loopback.js';
import {
  optional,
  type ReadOptions,
  type SettingProblem,
  secret,
  setting,
  type ValuesOf,
} from '../config/setting-row.js';
import { asBoolean, asInteger, asOneOf, asStringList, asText } from '../config/setting-types.js';
import type { CoreSettings } from '../core/core.js';
import type { DatabaseSettings } from '../db/settings.js';
import type { HttpSettings } from '../http/settings.js';

const rows = {
  jwtSigningKey: secret(
    'JWT_SIGNING_KEY',
    asText,
    'Key that signs access tokens (HS256), at least 32 bytes. Required with a MongoDB that you run yourself; otherwise it is created in the data directory.',
  ),
  jwtPreviousSigningKeys: secret(
    'JWT_PREVIOUS_SIGNING_KEYS',
    asStringList,
    'JSON array of keys that verify tokens but do not sign them, for rotating the key without downtime.',
  ),
  jwtAllowShortKey: setting(
    'JWT_ALLOW_SHORT_KEY',
    asBoolean,
    'false',
    'Whether to start with a signing key under 32 bytes.',
  ),
  jwtLeeway: setting(
    'JWT_LEEWAY',
    asInteger(0, 3600),
    '5',
    'Seconds of clock difference that are allowed when checking `exp` and `iat`.',
  ),
  bcryptCost: setting('BCRYPT_COST', asInteger(4, 16), '10', 'bcrypt cost of new hashes of client secrets.'),
  anonymousAccess: setting(
    'ANONYMOUS_ACCESS',
    asOneOf('allow', 'deny'),
    'allow',
    'Whether a caller without a token has the role contributor; with `deny` such a caller gets 401.',
  ),
  oidcClientId: optional(
    'OIDC_CLIENT_ID',
    asText,
    'Client id at the OIDC provider. It needs `OIDC_PROVIDER_ISSUER` and `WEB_SECRET_KEY`; with all three, anonymous callers get 401.',
  ),
  oidcProviderIssuer: optional(
    'OIDC_PROVIDER_ISSUER',
    asText,
    'Issuer of the OIDC provider: an https URL, or http on this machine. It needs `OIDC_CLIENT_ID` and `WEB_SECRET_KEY`.',
  ),
  webSecretKey: secret(
    'WEB_SECRET_KEY',
    asText,
    'Key that seals the provider tokens of sessions, at least 32 bytes. All processes on one database need the same key.',
  ),
};

/** The settings of logins and tokens. */
export interface AuthSettings extends ValuesOf<typeof rows> {
  /** OIDC is configured, so anonymous callers are refused. */
  oidc: boolean;
}

/** The rows, derived values, checks and warnings of these settings. */
export const authSettings = {
  rows,
  derive: ({ oidcClientId, oidcProviderIssuer, webSecretKey }: ValuesOf<typeof rows>) => ({
    oidc: Boolean(oidcClientId && oidcProviderIssuer && webSecretKey),
  }),
  listProblems: (config: Read, options: ReadOptions) => [
    ...listKeyProblems(config, options),
    ...listOidcProblems(config),
  ],
  listWarnings,
};

const keyHint = 'make one with: openssl rand -base64 48';

/** Minimum length of a signing key in bytes (RFC 7518 section 3.2: as long as the hash). */
const signingKeyBytes = 32;

type Read = AuthSettings & DatabaseSettings & HttpSettings & CoreSettings;

function listKeyProblems(
  { jwtSigningKey: key, jwtAllowShortKey, embedded }: Read,
  { signingKeyRequired: isRequired }: ReadOptions,
): SettingProblem[] {
  if (key === undefined) {
    if (embedded || !isRequired) return [];
    return [['JWT_SIGNING_KEY', `is required with a MongoDB that you run yourself; ${keyHint}`]];
  }
  if (!isRequired || !isShort(key) || jwtAllowShortKey) return [];
  const remedies = `${keyHint}, or set JWT_ALLOW_SHORT_KEY=true to keep it for now`;
  return [['JWT_SIGNING_KEY', `is under ${signingKeyBytes} bytes; ${remedies}`]];
}

/**
 * Reports OIDC settings that are only partly set: without all three, anonymous callers would be accepted by a server that
 * its operator meant to close. `WEB_SECRET_KEY` alone is allowed.
 */
function listOidcProblems({ oidcClientId, oidcProviderIssuer, webSecretKey }: Read): SettingProblem[] {
  if (oidcProviderIssuer && !isIssuer(oidcProviderIssuer))
    return [['OIDC_PROVIDER_ISSUER', 'must be an https URL without a query (http only on this machine)']];
  if (!oidcClientId && !oidcProviderIssuer) return [];
  const values = {
    OIDC_CLIENT_ID: oidcClientId,
    OIDC_PROVIDER_ISSUER: oidcProviderIssuer,
    WEB_SECRET_KEY: webSecretKey,
  };
  const names = Object.keys(values) as (keyof typeof values)[];
  const given = names.filter((name) => values[name]).join(' and ');
  return names
    .filter((name) => !values[name])
    .map((name) => [name, `is missing: OIDC needs it as well as ${given}`]);
}

/** Returns whether a text can be an issuer (OpenID Connect Core section 2), over a connection that cannot be read. */
function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, search, hash, username } = new URL(text);
  if (search || hash || username) return false;
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(host));
}

function isShort(key: string): boolean {
  return Buffer.byteLength(key) < signingKeyBytes;
}

function listWarnings(config: Read): string[] {
  const warnings: string[] = [];
  const { jwtSigningKey: current, jwtPreviousSigningKeys: previous = [], bcryptCost } = config;
  const weakness = current === undefined ? undefined : findKeyWeakness(current);
  if (weakness !== undefined) warnings.push(`JWT_SIGNING_KEY is ${weakness}; ${keyHint}`);
  if (config.webSecretKey !== undefined && isShort(config.webSecretKey))
    warnings.push(`WEB_SECRET_KEY is under ${signingKeyBytes} bytes; ${keyHint}`);
  for (const earlier of new Set(previous.map(findKeyWeakness))) {
    if (earlier === undefined) continue;
    warnings.push(
      `JWT_PREVIOUS_SIGNING_KEYS has a key ${earlier}: remove it once its tokens have expired (10 minutes)`,
    );
  }
  if (bcryptCost < recommendedCost) {
    warnings.push(
      `BCRYPT_COST is ${bcryptCost}: anyone with a copy of the database can guess client secrets fast; set it to ${recommendedCost} or more, and each client's hash is renewed at its next login`,
    );
  }
  if (config.anonymousAccess === 'allow' && !config.oidc && isReachable(config)) {
    warnings.push(
      'anyone who can reach this server can submit jobs without a token: set ANONYMOUS_ACCESS=deny to prevent that',
    );
  }
  return warnings;
}

/** The cost below which a start warns: the minimum that OWASP recommends. */
const recommendedCost = 10;

/** Returns why an attacker could guess a key, as the end of a sentence, or `undefined` if none is found. */
function findKeyWeakness(key: string): string | undefined {
  const guessable = 'an attacker can guess it and forge tokens';
  if (isShort(key)) return `under ${signingKeyBytes} bytes: ${guessable}`;
  return estimateEntropy(key) < minimumEntropy
    ? `not random, such as a repeated word: ${guessable}`
    : undefined;
}

/** Bits. The estimate is low for short keys: 16 random bytes, which are 128 bits, have about 115 when written in hex. */
const minimumEntropy = 96;

/** Estimates the bits of a text from how often each byte occurs in it. A repeated text counts once. */
function estimateEntropy(text: string): number {
  const bytes = Buffer.from(text);
  let period = 1;
  while (!bytes.subarray(period).equals(bytes.subarray(0, bytes.length - period))) period += 1;
  const counts = new Map<number, number>();
  for (const byte of bytes.subarray(0, period)) counts.set(byte, (counts.get(byte) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => sum - count * Math.log2(count / period), 0);
}

/** Returns whether other machines can reach the server, directly or through a proxy. */
function isReachable({ listen, trustProxy }: Read): boolean {
  if (trustProxy !== 0) return true;
  if ('path' in listen) return false;
  return !('host' in listen && isLoopback(listen.host));
}
