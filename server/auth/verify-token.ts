import jwt from 'jsonwebtoken';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.js';
import type { TokenKind } from '../core/token-kind.js';
import { ApiError } from '../errors/api-error.js';
import type { Identity } from '../principal/principal.js';
import { isJsonMap } from '../schema/set-own.js';
import { authErrors } from './errors.js';
import type { SigningKeys } from './signing-keys.js';

/** A cache in memory of tokens whose signature was verified, by their text. */
export type VerifiedTokens = LRUCache<string, VerifiedToken>;

/** A token whose signature was verified. */
export interface VerifiedToken {
  claims: Claims;
  /** The bearer's identity, set when the scheme of the token's kind has read it from the claims. */
  identity?: Identity;
}

/** Creates the cache; when it has 5,000 tokens, a new one replaces the least recently used. */
export function createVerifiedTokens(): VerifiedTokens {
  return new LRUCache({ max: 5000 });
}

/** The dependencies that verification needs; `leeway` is in seconds. */
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
 * Verifies a token of a kind. The checks run in the order of the v1 contract: decode, algorithm, signature, required
 * claims, `iat`, `exp`, then `nbf`, `sub` and `aud`. A signature is computed once for each token; the claims are checked
 * each time.
 * @throws ApiError 401 or 403 of the first check that fails
 */
export function verifyToken(kind: TokenKind, verifier: Verifier, token: string): VerifiedToken {
  const verified = verifier.verifiedTokens.get(token) ?? verifySignature(verifier, token);
  for (const check of claimChecks) check(verified.claims, verifier, kind);
  return verified;
}

function verifySignature(verifier: Verifier, token: string): VerifiedToken {
  const decoded = decode(token);
  checkAlgorithm(decoded);
  checkSignature(verifier, token, decoded);
  const verified = { claims: decoded.payload };
  verifier.verifiedTokens.set(token, verified);
  return verified;
}

/** A token's claims, not yet checked. */
export type Claims = Record<string, unknown>;

const claimChecks: readonly ((claims: Claims, verifier: Verifier, kind: TokenKind) => void)[] = [
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
    throw new ApiError(authErrors.tokenUndecodable);
  }
  return { header: decoded.header, payload: decoded.payload };
}

/** Checks the algorithm, and refuses a token that requires a JWS extension: none is supported (RFC 7515 section 4.1.11). */
function checkAlgorithm({ header }: DecodedToken): void {
  if (header.alg !== 'HS256') throw invalid('algorithm');
  if (header.crit !== undefined) throw invalid('crit');
}

const signatureProblems = ['invalid signature', 'jwt signature is required'];

/** Checks the signature with the key that `kid` names; without a `kid`, any key may match. */
function checkSignature({ signingKeys }: Verifier, token: string, { header }: DecodedToken): void {
  const candidates = signingKeys.all.filter(({ kid }) => header.kid === undefined || header.kid === kid);
  for (const { key } of candidates) {
    try {
      // The times are checked later, with the shared clock and after the check for missing claims.
      jwt.verify(token, key, { algorithms: ['HS256'], ignoreExpiration: true, ignoreNotBefore: true });
      return;
    } catch (error) {
      if (!signatureProblems.includes((error as Error).message)) throw invalid((error as Error).message);
    }
  }
  throw new ApiError(authErrors.tokenSignature);
}

function checkClaimsPresent(claims: Claims, _verifier: Verifier, { requiredClaims }: TokenKind): void {
  for (const name of requiredClaims) {
    if (claims[name] === undefined || claims[name] === null) {
      throw new ApiError(authErrors.tokenClaimMissing, { message: `Token missing required claim: ${name}` });
    }
  }
}

function checkIssuedAt({ iat }: Claims, verifier: Verifier): void {
  if (readTime(iat) > nowSeconds(verifier) + verifier.leeway) throw new ApiError(authErrors.tokenNotYetValid);
}

function checkExpiry({ exp }: Claims, verifier: Verifier): void {
  if (readTime(exp) <= nowSeconds(verifier) - verifier.leeway) throw new ApiError(authErrors.tokenExpired);
}

/** Checks `nbf`, which this server's tokens do not have; stock clients know `Token not yet valid` for `iat` only. */
function checkNotBefore({ nbf }: Claims, verifier: Verifier): void {
  if (nbf === undefined) return;
  if (readTime(nbf) > nowSeconds(verifier) + verifier.leeway) throw invalid('nbf');
}

function checkPurpose({ sub, aud }: Claims, _verifier: Verifier, { subject, audience }: TokenKind): void {
  if (sub !== subject || aud !== audience) throw invalid('purpose');
}

function readTime(claim: unknown): number {
  if (!Number.isFinite(claim)) throw invalid('a time that is not a number');
  return claim as number;
}

function nowSeconds({ clock }: Verifier): number {
  return clock.now().getTime() / 1000;
}

function invalid(reason: string): ApiError {
  return new ApiError(authErrors.tokenInvalid, { reason });
}
