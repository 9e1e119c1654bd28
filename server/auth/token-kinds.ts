import type { TokenKind } from '../core/token-kind.js';

/** The kinds of tokens that auth issues. */
export const tokenKinds = {
  /** States a client's permissions. */
  access: {
    subject: 'access_token',
    lifetimeSeconds: 600,
    requiredClaims: ['exp', 'iat', 'sub'],
    scheme: 'accessToken',
  },
} as const satisfies Record<string, TokenKind>;
