import { createHmac } from 'node:crypto';
import type { Clock } from '../../server/core/clock.js';
import { testSigningKey } from './start-server.js';

/**
 * The start time of test clocks, in seconds. It is decades ahead, so that tests fail when code reads the machine's
 * clock instead, and so that MongoDB does not remove documents as expired.
 */
export const testNow = 3_800_000_000;

/** A clock that stands still until the test moves it, by seconds. */
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

/** Makes a clock that reads its time from a function. */
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

/** The parts of a hand-made token. */
export interface TokenParts {
  claims?: unknown;
  header?: unknown;
  key?: string;
  hash?: string;
}

/** Makes a JWT by hand. It can have parts that jsonwebtoken would refuse to sign. */
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

/** Reads the claims of a token without verifying it. */
export function readClaims(token: string): Record<string, unknown> {
  return readPart(token, 1);
}

/** Reads the header of a token without verifying it. */
export function readTokenHeader(token: string): Record<string, unknown> {
  return readPart(token, 0);
}

function readPart(token: string, index: number): Record<string, unknown> {
  const text = Buffer.from(token.split('.')[index] ?? '', 'base64url').toString();
  return JSON.parse(text) as Record<string, unknown>;
}
