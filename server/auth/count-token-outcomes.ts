import type { Audit } from '../core/audit.js';
import type { AuthServices } from './services.js';

/** The credential kinds to count, by the security event that records their outcome. */
const credentials: Readonly<Record<string, string>> = {
  login: 'client_key',
  refresh: 'refresh_token',
  token_refused: 'access_token',
};

/** The label values of the security log's reasons. */
const reasons = new Map(
  [
    'unknown client',
    'client without a secret',
    'wrong key',
    'wrong server-made key',
    'too many attempts',
    'basic_missing',
    'basic_incomplete',
    'client disabled',
    'client gone',
    'key gone',
    'token of another client',
    'refresh_token_invalid',
    'refresh_token_revoked',
    'refresh_token_expired',
    'authentication_required',
    'bearer_without_token',
    'token_expired',
    'token_not_yet_valid',
    'token_signature',
    'token_claim_missing',
    'token_undecodable',
    'token_invalid',
  ].map((reason) => [reason, reason.replaceAll(/\W/g, '_')]),
);

/** Returns a security log that also counts the outcomes of credentials, without naming clients. */
export function countTokenOutcomes({ tokenOutcomes }: AuthServices['metrics'], write: Audit): Audit {
  return (event) => {
    const credential = credentials[event.event];
    if (credential !== undefined) {
      const { outcome } = event;
      const reason = outcome === 'accepted' ? 'none' : (reasons.get(event.reason ?? '') ?? 'other');
      tokenOutcomes.inc({ credential, outcome, reason });
    }
    return write(event);
  };
}

/** Counts a login that was refused because too many logins wait for a hash; the security log does not record it. */
export function countBusyLogin({ tokenOutcomes }: AuthServices['metrics']): void {
  tokenOutcomes.inc({ credential: 'client_key', outcome: 'refused', reason: 'busy' });
}
