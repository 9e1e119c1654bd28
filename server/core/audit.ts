import type { Logger } from 'pino';
import { withoutRedaction } from './log.js';

/** A security event: who did what, from where, and how it ended; never a key, a token or a hash. */
export interface AuditEvent {
  /** The name of the event, such as `login`. */
  event: string;
  outcome: 'accepted' | 'refused';
  /** Client id of who did it; absent when unknown or anonymous. */
  actor?: string;
  /** What it was done to: a client id, a key id, a queue. */
  target?: string;
  source?: string;
  reason?: string;
}

/** Writes a security event; the logger adds the time. */
export type Audit = (event: AuditEvent) => void;

/** Writes lines marked `"log": "security"` to the given logger. */
export function createAudit(log: Logger): Audit {
  const security = withoutRedaction(log).child({ log: 'security' });
  return (event) => security.info(event);
}
