/**
 * A kind of token that this server signs: its claims, audience and lifetime, and which routes accept it. Each area lists
 * its own kinds.
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
  /** Routes that name this credential scheme accept the kind. */
  scheme: string;
}
