import type { Config } from './config.js';
import { signingKeyBytes } from './setting-conflicts.js';

/** What the operator is told at each start, since it is allowed and may not be meant. */
export function listStartWarnings(config: Config): string[] {
  const warnings: string[] = [];
  const isShort = (key: string): boolean => Buffer.byteLength(key) < signingKeyBytes;
  const forgeable = `under ${signingKeyBytes} bytes: tokens signed with it can be forged by trying keys`;
  if (config.jwtSigningKey !== undefined && isShort(config.jwtSigningKey)) {
    warnings.push(`JWT_SIGNING_KEY is ${forgeable}`);
  }
  if (config.jwtPreviousSigningKeys?.some(isShort)) {
    warnings.push(`JWT_PREVIOUS_SIGNING_KEYS has a key ${forgeable}`);
  }
  if (config.anonymousAccess === 'allow' && !config.oidc && isReachable(config)) {
    warnings.push(
      'anyone who reaches this server may submit jobs without a token: set ANONYMOUS_ACCESS=deny to close that',
    );
  }
  if (config.withoutEffect.length > 0) {
    warnings.push(`without effect in this version: ${config.withoutEffect.join(', ')}`);
  }
  return warnings;
}

/** From other machines: directly, or through a proxy that is said to stand in front. */
function isReachable({ listen, trustProxy }: Config): boolean {
  if (trustProxy !== 0) return true;
  if ('path' in listen) return false;
  return !('host' in listen && /^(127\.[\d.]+|::1|localhost)$/.test(listen.host));
}
