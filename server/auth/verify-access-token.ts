import jwt from 'jsonwebtoken';
import type { Clock } from '../db/database-clock.js';
import { ApiError } from '../http/errors.js';
import { accessTokenSubject } from './access-token.js';
import type { Caller } from './caller.js';
import type { Permissions } from './permissions.js';
import type { SigningKeys } from './signing-keys.js';

/** What verification needs; `leeway` is in seconds. */
export interface Verifier {
  signingKeys: SigningKeys;
  clock: Clock;
  leeway: number;
}

interface DecodedToken {
  header: { alg?: unknown; kid?: unknown };
  payload: Record<string, unknown>;
}

/**
 * What a bearer token is worth. The checks go in the order that stock clients know: decode, algorithm, signature,
 * the claims `exp`, `iat` and `sub` present, `iat`, `exp`, then `sub` and `aud`.
 * @throws ApiError 401 or 403 with the code of the first check that fails.
 */
export function verifyAccessToken(verifier: Verifier, token: string): Caller {
  const decoded = decode(token);
  checkAlgorithm(decoded);
  checkSignature(verifier, token, decoded);
  checkClaimsPresent(decoded.payload);
  checkTimes(verifier, decoded.payload);
  checkPurpose(decoded.payload);
  return readCaller(decoded.payload);
}

function decode(token: string): DecodedToken {
  let decoded: jwt.Jwt | null = null;
  try {
    decoded = jwt.decode(token, { complete: true });
  } catch {
    // jsonwebtoken throws on some malformed texts and returns null for others.
  }
  if (decoded === null || !isObject(decoded.header) || !isObject(decoded.payload)) {
    throw new ApiError('token_undecodable');
  }
  return { header: decoded.header, payload: decoded.payload };
}

function checkAlgorithm({ header }: DecodedToken): void {
  if (header.alg !== 'HS256') throw new ApiError('token_invalid', { reason: 'algorithm' });
}

const signatureProblems = ['invalid signature', 'jwt signature is required'];

/** A `kid` names the one key to use; tokens without one verify with any of them. */
function checkSignature({ signingKeys }: Verifier, token: string, { header }: DecodedToken): void {
  const candidates = signingKeys.all.filter(({ kid }) => header.kid === undefined || header.kid === kid);
  for (const { key } of candidates) {
    try {
      jwt.verify(token, key, { algorithms: ['HS256'], ignoreExpiration: true });
      return;
    } catch (error) {
      if (error instanceof jwt.NotBeforeError) throw new ApiError('token_invalid', { reason: 'nbf' });
      if (!signatureProblems.includes((error as Error).message)) {
        throw new ApiError('token_invalid', { reason: (error as Error).message });
      }
    }
  }
  throw new ApiError('token_signature');
}

function checkClaimsPresent(payload: Record<string, unknown>): void {
  for (const name of ['exp', 'iat', 'sub']) {
    if (payload[name] === undefined || payload[name] === null) {
      throw new ApiError('token_claim_missing', { message: `Token missing required claim: ${name}` });
    }
  }
}

function checkTimes({ clock, leeway }: Verifier, { iat, exp }: Record<string, unknown>): void {
  if (!Number.isFinite(iat) || !Number.isFinite(exp))
    throw new ApiError('token_invalid', { reason: 'times' });
  const now = clock.now().getTime() / 1000;
  if ((iat as number) > now + leeway) throw new ApiError('token_not_yet_valid');
  if ((exp as number) <= now - leeway) throw new ApiError('token_expired');
}

function checkPurpose({ sub, aud }: Record<string, unknown>): void {
  if (sub !== accessTokenSubject || aud !== undefined)
    throw new ApiError('token_invalid', { reason: 'purpose' });
}

/** A token of the oldest kind has no `permissions` but a top-level `max_priority`, and is worth that. */
function readCaller(payload: Record<string, unknown>): Caller {
  const stated = isObject(payload.permissions) ? (payload.permissions as Permissions) : {};
  const permissions: Permissions =
    payload.permissions === undefined && isObject(payload.max_priority)
      ? { max_priority: payload.max_priority as Record<string, number> }
      : stated;
  const { role, client_id: clientId } = permissions;
  return {
    role: role === undefined || role === null ? 'contributor' : String(role),
    ...(typeof clientId === 'string' && { clientId }),
    ...(Object.keys(permissions).length > 0 && { permissions }),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
