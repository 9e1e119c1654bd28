import { createHmac } from 'node:crypto';
import type { Clock } from '../../server/db/database-clock.js';
import { testSigningKey } from './start-server.js';

/**
 * The time that tests with a clock of their own start at, in seconds. It lies decades ahead, so that what looks at
 * the machine's clock instead is found out, and MongoDB removes nothing as expired.
 */
export const testNow = 3_800_000_000;

/** A clock that stands still until it is moved, by seconds. */
export class TestClock implements Clock {
  #seconds = testNow;

  now(): Date {
    return new Date(this.#seconds * 1000);
  }

  get inDatabase(): Date {
    return this.now();
  }

  move(seconds: number): void {
    this.#seconds += seconds;
  }
}

/** A clock that tells what a function says. */
export function clockOf(now: () => Date): Clock {
  return {
    now,
    get inDatabase() {
      return now();
    },
  };
}

/** Claims that a server accepts at `testNow`. */
export const goodClaims = { exp: testNow + 600, iat: testNow, sub: 'access_token' };

/** What a hand-made token is made of. */
export interface TokenParts {
  claims?: unknown;
  header?: unknown;
  key?: string;
  hash?: string;
}

/** A JWT made by hand, right as far as its parts are; it can say what jsonwebtoken would refuse to sign. */
export function forgeToken({
  claims = goodClaims,
  header,
  key = testSigningKey,
  hash,
}: TokenParts = {}): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part(header ?? { alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac(hash ?? 'sha256', key)
    .update(signed)
    .digest('base64url')}`;
}

/** The claims of a token, not verified. */
export function readClaims(token: string): Record<string, unknown> {
  return readPart(token, 1);
}

/** The header of a token, not verified. */
export function readTokenHeader(token: string): Record<string, unknown> {
  return readPart(token, 0);
}

function readPart(token: string, index: number): Record<string, unknown> {
  const text = Buffer.from(token.split('.')[index] ?? '', 'base64url').toString();
  return JSON.parse(text) as Record<string, unknown>;
}
