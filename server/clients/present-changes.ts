import { isDeepStrictEqual } from 'node:util';
import type { AuditEvent } from '../core/audit.js';
import type { ClientRecord } from '../principal/client-record.js';
import { boundLimits } from '../principal/permissions.js';

/** The fields whose values the security log shows. Of other fields, such as a secret, it shows the names. */
const shownFields = ['role', 'max_priority', 'max_reservation_time', 'allowed_queues', 'disabled'] as const;

/** Maximum length of the values as JSON. Longer ones are omitted from the security log. */
const maxLength = 4096;

/** The fields of a client that a request can change. `disabled` is not part of the record. */
export type ClientFields = Partial<ClientRecord> & { disabled?: boolean };

/** What a security event says about a change. */
export type Changes = Pick<AuditEvent, 'changed' | 'before' | 'after'>;

/**
 * Returns the names of the fields that a change gives another value, and their values before and after the change if they
 * are not secret.
 * @param stored the fields that were written
 */
export function presentChanges(record: ClientFields | null, stored: ClientFields): Changes {
  const earlier: ClientFields = record ?? {};
  const fields = (Object.keys(stored) as (keyof ClientFields)[]).filter(
    (field) => field !== 'client_id' && !isDeepStrictEqual(boundLimits(earlier[field]), stored[field]),
  );
  const changed = fields.map((field) => (field === 'client_secret_hash' ? 'client_secret' : field)).sort();
  const shown = shownFields.filter((field) => fields.includes(field));
  const values = {
    ...(record !== null && { before: pick(earlier, shown) }),
    after: pick(stored, shown),
  };
  return shown.length === 0 || JSON.stringify(values).length > maxLength
    ? { changed }
    : { changed, ...values };
}

function pick(record: ClientFields, fields: readonly (typeof shownFields)[number][]): object {
  return Object.fromEntries(fields.map((field) => [field, boundLimits(record[field]) ?? null]));
}
