import { ObjectId } from 'mongodb';
import type { AuditEvent } from '../core/audit.js';
import { findOwaspName } from '../core/owasp-event.js';
import { sha256 } from '../crypto/digest.js';
import type { AuditRecord } from './collections.js';

const dayMs = 24 * 3600 * 1000;

/** Maximum characters of an id or a name in an event: the rest of a longer one is left out. */
const maxLength = 256;

/** What a record gets besides the event. */
export interface Stamp {
  at: Date;
  days: number;
}

/** Makes the record of a single event. */
export function makeRecord(event: AuditEvent, { at, days }: Stamp): AuditRecord {
  const { request_id, changed, before, after, created, key_id, detail: others } = event;
  const detail = { changed, before, after, created, key_id, ...others };
  return {
    _id: new ObjectId(),
    at,
    ...makeFields(event),
    ...(request_id !== undefined && { request_id }),
    ...(Object.values(detail).some((value) => value !== undefined) && { detail: presentDetail(detail) }),
    expires_at: new Date(at.getTime() + days * dayMs),
  };
}

/** Makes the record that equal events of one window share. Of its fields `count` and `last_at` change later. */
export function makeCountedRecord(event: AuditEvent, { at, days }: Stamp, windowStart: number): AuditRecord {
  const detail = event.key_id === undefined ? {} : { detail: { key_id: event.key_id } };
  const fields = { ...makeFields(event), ...detail };
  return {
    _id: sha256(JSON.stringify([fields, windowStart]), 'base64url'),
    at,
    ...fields,
    expires_at: new Date(at.getTime() + days * dayMs),
  };
}

function makeFields(event: AuditEvent) {
  const { outcome, actor, actor_kind, source, reason } = event;
  const target = event.subject ?? event.target;
  return {
    event: findOwaspName(event) ?? event.event,
    outcome,
    ...(actor !== undefined && { actor: presentText(actor) }),
    actor_kind: actor_kind ?? (actor === undefined ? 'anonymous' : 'client'),
    ...(source !== undefined && { source: presentText(source) }),
    ...(target !== undefined && { target: presentText(target) }),
    ...(reason !== undefined && { reason: presentText(reason) }),
  };
}

/** Returns a text in which every control character is escaped, so that no line or terminal is misled by it. */
export function presentText(text: string): string {
  return text
    .slice(0, maxLength)
    .replaceAll(/[\p{Cc}\u2028\u2029]/gu, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Escapes all texts and names of a detail, and leaves out what is not there. */
function presentDetail(detail: object): object {
  const shown = JSON.stringify(detail, (_name, value: unknown) => {
    if (typeof value === 'string') return presentText(value);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [presentText(name), one as unknown]),
    );
  });
  return JSON.parse(shown) as object;
}
