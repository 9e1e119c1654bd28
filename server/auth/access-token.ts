import jwt from 'jsonwebtoken';
import type { Clock } from '../core/clock.js';
import type { ClientRecord } from '../principal/client-record.js';
import { boundLimits, presentPermissions } from '../principal/permissions.js';
import type { SigningKeys } from './signing-keys.js';
import { tokenKinds } from './token-kinds.js';

/** The dependencies that signing needs. */
export interface Signer {
  signingKeys: SigningKeys;
  clock: Pick<Clock, 'now'>;
}

/**
 * Signs a token that states the client's permissions (HS256, valid for 10 minutes).
 * `legacy` adds the top-level `max_priority` that clients of `GET /v1/authenticate/token/{client_id}` read.
 */
export function signAccessToken(
  { signingKeys, clock }: Signer,
  record: ClientRecord,
  { legacy = false }: { legacy?: boolean } = {},
): string {
  const iat = Math.floor(clock.now().getTime() / 1000);
  const claims = {
    exp: iat + tokenKinds.access.lifetimeSeconds,
    iat,
    sub: tokenKinds.access.subject,
    ...(legacy && { max_priority: boundLimits(record.max_priority ?? {}) }),
    permissions: presentPermissions(record),
  };
  const { key, kid } = signingKeys.current;
  return jwt.sign(claims, key, { algorithm: 'HS256', keyid: kid });
}
