import type { SecurityEvent, SecurityLog } from '../core/audit.js';
import type { Metrics } from '../core/metric-registry.js';

/** Which events of the security log tell the outcome of a credential. */
const credentials: Partial<Record<SecurityEvent['event'], string>> = {
  login: 'client_key',
  refresh: 'refresh_token',
  token_refused: 'access_token',
};

/** Reasons of the security log, by the words that stand for them in labels. */
const reasons = new Map(
  [
    'unknown client',
    'client without a secret',
    'wrong key',
    'wrong server-made key',
    'too many attempts',
    'basic_missing',
    'basic_incomplete',
    'client gone',
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

/** A security log that counts outcomes of credentials as well, without saying whose. */
export function countTokenOutcomes({ tokenOutcomes }: Metrics, write: SecurityLog): SecurityLog {
  return (event) => {
    const credential = credentials[event.event];
    if (credential !== undefined) {
      const { outcome } = event;
      const reason = outcome === 'accepted' ? 'none' : (reasons.get(event.reason ?? '') ?? 'other');
      tokenOutcomes.inc({ credential, outcome, reason });
    }
    write(event);
  };
}

/** A login that was turned away since too many wait for a hash: the security log does not tell of those. */
export function countBusyLogin({ tokenOutcomes }: Metrics): void {
  tokenOutcomes.inc({ credential: 'client_key', outcome: 'refused', reason: 'busy' });
}
