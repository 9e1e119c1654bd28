import jwt from 'jsonwebtoken';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../db/database-clock.js';
import { ApiError } from '../errors/api-error.js';
import { isJsonMap } from '../schema/set-own.js';
import { accessTokenSubject } from './access-token.js';
import type { Caller } from '../principal/principal.js';
import { readPermissions } from '../principal/permissions.js';
import type { SigningKeys } from './signing-keys.js';

/** Tokens by their texts, in memory only: those of which these keys made the signature. */
export type VerifiedTokens = LRUCache<string, VerifiedToken>;

/** What a token says, and whom it makes of its bearer once its claims have been checked. */
interface VerifiedToken {
  claims: Claims;
  caller?: Caller;
}

/** For as many tokens as are in use at once: the oldest one goes. */
export function createVerifiedTokens(): VerifiedTokens {
  return new LRUCache({ max: 5000 });
}

/** What verification needs; `leeway` is in seconds. */
export interface Verifier {
  signingKeys: SigningKeys;
  verifiedTokens: VerifiedTokens;
  clock: Clock;
  leeway: number;
}

interface DecodedToken {
  header: { alg?: unknown; kid?: unknown; crit?: unknown };
  payload: Record<string, unknown>;
}

/**
 * What a bearer token is worth. The checks go in the order that stock clients know: decode, algorithm, signature,
 * the claims `exp`, `iat` and `sub` present, `iat`, `exp`, then all that makes it another kind of token. A signature
 * that was found right is not computed again; the claims are checked each time.
 * @throws ApiError 401 or 403 with the code of the first check that fails.
 */
export function verifyAccessToken(verifier: Verifier, token: string): Caller {
  const verified = verifier.verifiedTokens.get(token) ?? verifySignature(verifier, token);
  for (const check of claimChecks) check(verified.claims, verifier);
  return (verified.caller ??= readCaller(verified.claims));
}

function verifySignature(verifier: Verifier, token: string): VerifiedToken {
  const decoded = decode(token);
  checkAlgorithm(decoded);
  checkSignature(verifier, token, decoded);
  const verified = { claims: decoded.payload };
  verifier.verifiedTokens.set(token, verified);
  return verified;
}

type Claims = Record<string, unknown>;

const claimChecks: readonly ((claims: Claims, verifier: Verifier) => void)[] = [
  checkClaimsPresent,
  checkIssuedAt,
  checkExpiry,
  checkNotBefore,
  checkPurpose,
];

function decode(token: string): DecodedToken {
  let decoded: jwt.Jwt | null = null;
  try {
    decoded = jwt.decode(token, { complete: true });
  } catch {
    // jsonwebtoken throws on some malformed texts and returns null for others.
  }
  if (decoded === null || !isJsonMap(decoded.header) || !isJsonMap(decoded.payload)) {
    throw new ApiError('token_undecodable');
  }
  return { header: decoded.header, payload: decoded.payload };
}

/** No extension of JWS is known here, so a token that says it must be understood is refused (RFC 7515 section 4.1.11). */
function checkAlgorithm({ header }: DecodedToken): void {
  if (header.alg !== 'HS256') throw invalid('algorithm');
  if (header.crit !== undefined) throw invalid('crit');
}

const signatureProblems = ['invalid signature', 'jwt signature is required'];

/** A `kid` names the one key to use; tokens without one verify with any of them. */
function checkSignature({ signingKeys }: Verifier, token: string, { header }: DecodedToken): void {
  const candidates = signingKeys.all.filter(({ kid }) => header.kid === undefined || header.kid === kid);
  for (const { key } of candidates) {
    try {
      // Times are checked below: against the shared clock, and after the claims are known to be there.
      jwt.verify(token, key, { algorithms: ['HS256'], ignoreExpiration: true, ignoreNotBefore: true });
      return;
    } catch (error) {
      if (!signatureProblems.includes((error as Error).message)) throw invalid((error as Error).message);
    }
  }
  throw new ApiError('token_signature');
}

function checkClaimsPresent(claims: Claims): void {
  for (const name of ['exp', 'iat', 'sub']) {
    if (claims[name] === undefined || claims[name] === null) {
      throw new ApiError('token_claim_missing', { message: `Token missing required claim: ${name}` });
    }
  }
}

function checkIssuedAt({ iat }: Claims, verifier: Verifier): void {
  if (readTime(iat) > nowSeconds(verifier) + verifier.leeway) throw new ApiError('token_not_yet_valid');
}

function checkExpiry({ exp }: Claims, verifier: Verifier): void {
  if (readTime(exp) <= nowSeconds(verifier) - verifier.leeway) throw new ApiError('token_expired');
}

/** No token of this server has `nbf`; the one text for a token that is early is kept for `iat`, as stock clients know it. */
function checkNotBefore({ nbf }: Claims, verifier: Verifier): void {
  if (nbf === undefined) return;
  if (readTime(nbf) > nowSeconds(verifier) + verifier.leeway) throw invalid('nbf');
}

function checkPurpose({ sub, aud }: Claims): void {
  if (sub !== accessTokenSubject || aud !== undefined) throw invalid('purpose');
}

/** A token of the oldest kind has no `permissions` but a top-level `max_priority`, and is worth that. */
function readCaller(claims: Claims): Caller {
  const { permissions: claim, max_priority } = claims;
  const permissions = readPermissions(claim ?? { max_priority });
  const role = isJsonMap(claim) ? claim.role : undefined;
  return {
    role: role === undefined || role === null ? 'contributor' : (permissions.role ?? ''),
    ...(permissions.client_id !== undefined && { clientId: permissions.client_id }),
    ...(Object.keys(permissions).length > 0 && { permissions }),
  };
}

function readTime(claim: unknown): number {
  if (!Number.isFinite(claim)) throw invalid('a time that is no number');
  return claim as number;
}

function nowSeconds({ clock }: Verifier): number {
  return clock.now().getTime() / 1000;
}

function invalid(reason: string): ApiError {
  return new ApiError('token_invalid', { reason });
}
