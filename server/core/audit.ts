import type { Logger } from 'pino';
import { withoutRedaction } from './log.js';
import { presentOwaspEvent } from './owasp-event.js';

/** A security event: who did what, from where, and how it ended; never a key, a token or a hash. */
export interface AuditEvent {
  /** The name of the event, such as `login`. */
  event: string;
  outcome: 'accepted' | 'refused';
  /** Client id of the caller; absent for an unknown or anonymous caller. */
  actor?: string;
  /** The kind of the caller, such as `agent`; `client` by default if there is an actor. */
  actor_kind?: string;
  /** What the event is about: a client id, a key id, a queue. */
  target?: string;
  source?: string;
  request_id?: string;
  reason?: string;
  /** The target of the stored event, if that of the log line has a key or an owner too: a client id, a queue. */
  subject?: string;
  /** The key or the owner, for the stored event. */
  detail?: Readonly<Record<string, string | undefined>>;
  /** The event made its target, instead of changing it. */
  created?: boolean;
  /** Of a login: the id of the server-made key that the client sent, or `secret`. */
  key_id?: string;
  /** Of a change of a client: the names of the fields that changed. */
  changed?: readonly string[];
  /** Their values before and after the change, of the fields that are not secret; absent if they are very long. */
  before?: object;
  after?: object;
}

/**
 * Logs a security event and stores it. Await it before a success is answered; it resolves at once for a refusal.
 * @throws the error of the database, if a success cannot be stored
 */
export type Audit = (event: AuditEvent) => Promise<void>;

/**
 * Makes an `Audit` that logs lines marked `"log": "security"`, with the event's OWASP name as `owasp`; the logger adds the
 * time.
 * @param store stores the event
 */
export function createAudit(log: Logger, store: Audit): Audit {
  const security = withoutRedaction(log).child({ log: 'security' });
  return (event) => {
    const owasp = presentOwaspEvent(event);
    // Named one by one: a spread makes the line of each login cost twice as much. Pino omits undefined fields.
    const { event: name, outcome, actor, target, source, reason } = event;
    const { created, key_id, changed, before, after } = event;
    security.info({
      event: name,
      outcome,
      actor,
      target,
      source,
      reason,
      created,
      key_id,
      changed,
      before,
      after,
      owasp,
    });
    return store(event);
  };
}
