/**
 * A kind of token that this server signs: its claims, audience and lifetime. A route accepts a kind if it names the
 * kind's credential scheme; other areas define their kinds and schemes in their own directories.
 */
export interface TokenKind {
  /** The value of `sub` that marks the kind. */
  subject: string;
  /** The value of `aud`; absent for a kind whose tokens must not have one. */
  audience?: string;
  /** Seconds from the issue of a token to its expiry. */
  lifetimeSeconds: number;
  /** Claims that a token must have, in the order in which they are checked. */
  requiredClaims: readonly string[];
}

/** States a client's permissions; every v1 route with roles accepts it. */
export const accessTokenKind = {
  subject: 'access_token',
  lifetimeSeconds: 600,
  requiredClaims: ['exp', 'iat', 'sub'],
} as const satisfies TokenKind;
