/**
 * A kind of token that this server signs: its claims, whom it is for, how long it is valid. A route takes a kind by
 * the credential scheme of that name in `schemes.ts`; the area of a further kind has its row in its own folder.
 */
export interface TokenKind {
  /** The value of `sub` that marks the kind. */
  subject: string;
  /** The value of `aud`; absent for a kind whose tokens must not have one. */
  audience?: string;
  /** Seconds from the issue of a token to its expiry. */
  lifetimeSeconds: number;
  /** Claims that a token must have, in the order in which a missing one is reported. */
  requiredClaims: readonly string[];
}

/** States the permissions of a client; every v1 route with a role takes it. */
export const accessTokenKind = {
  subject: 'access_token',
  lifetimeSeconds: 600,
  requiredClaims: ['exp', 'iat', 'sub'],
} as const satisfies TokenKind;
