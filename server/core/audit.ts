import type { Logger } from 'pino';
import { withoutRedaction } from '../process/log.js';

/** What the security log tells: who did what, from where, and how it ended; never a key, a token or a hash. */
export interface SecurityEvent {
  event:
    | 'login'
    | 'token_refused'
    | 'role_refused'
    | 'push_refused'
    | 'secret_changed'
    | 'secret_removed'
    | 'secret_refused'
    | 'refresh'
    | 'token_revoked'
    | 'client_changed'
    | 'client_removed'
    | 'client_key_made'
    | 'client_key_removed'
    | 'agent_token_made'
    | 'restriction_changed'
    | 'agent_binding';
  outcome: 'accepted' | 'refused';
  /** Client id of who did it; absent when unknown or anonymous. */
  actor?: string;
  /** What it was done to: a client id, a key id, a queue. */
  target?: string;
  source?: string;
  reason?: string;
}

/** Writes security events, each stamped by the logger with its time. */
export type SecurityLog = (event: SecurityEvent) => void;

/** A security log that writes lines marked `"log": "security"` to the given logger. */
export function createSecurityLog(log: Logger): SecurityLog {
  const security = withoutRedaction(log).child({ log: 'security' });
  return (event) => security.info(event);
}
