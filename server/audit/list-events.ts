import { type Filter, ObjectId } from 'mongodb';
import type { z } from 'zod';
import { presentDate } from '../http/present-date.js';
import { dateTime, integer, object, oneOf, text } from '../schema/schema.js';
import { presentText } from './audit-record.js';
import type { AuditCollections, AuditRecord } from './collections.js';

/** The query of the audit trail. */
export const auditQuery = object({
  event: text({ min: 1 }).optional(),
  actor: text({ min: 1 }).optional(),
  target: text({ min: 1 }).optional(),
  source: text({ min: 1 }).optional(),
  outcome: oneOf('accepted', 'refused').optional(),
  since: dateTime().optional(),
  until: dateTime().optional(),
  limit: integer({ min: 1, max: 1000 }).optional(),
  cursor: text().optional(),
});

/** The query of the audit trail, as it was read. */
export type AuditQuery = z.output<typeof auditQuery>;

const defaultLimit = 100;

/** One page of events, and the cursor of the next page if there is one. */
export interface AuditPage {
  events: Record<string, unknown>[];
  next?: string;
}

/** Lists the events that match, the newest first. A cursor that was not made by this function matches nothing. */
export async function listEvents(
  { collections }: { collections: AuditCollections },
  query: AuditQuery,
): Promise<AuditPage> {
  const { limit = defaultLimit } = query;
  const found = await collections.auditEvents
    .find(makeFilter(query), { sort: { at: -1, _id: -1 }, limit: limit + 1 })
    .toArray();
  const events = found.slice(0, limit);
  const last = events.at(-1);
  return {
    events: events.map(presentEvent),
    ...(found.length > limit && last && { next: presentCursor(last) }),
  };
}

function makeFilter({ event, actor, target, source, outcome, since, until, cursor }: AuditQuery) {
  const exact = Object.entries({ event, actor, target, source, outcome })
    .filter((field): field is [string, string] => field[1] !== undefined)
    .map(([name, value]) => [name, presentText(value)]);
  const at = { ...(since && { $gte: since }), ...(until && { $lt: until }) };
  return {
    ...Object.fromEntries(exact),
    ...(Object.keys(at).length > 0 && { at }),
    ...(cursor !== undefined && readCursor(cursor)),
  } as Filter<AuditRecord>;
}

function presentCursor({ at, _id }: AuditRecord): string {
  return `${at.getTime()}.${String(_id)}`;
}

/** Matches what comes after an event in the order of the list. */
function readCursor(cursor: string): object {
  const [, time = '', id = ''] = /^(\d{1,15})\.([\w-]{1,64})$/.exec(cursor) ?? [];
  const at = new Date(Number(time));
  // Ids of counted events are texts, which sort before the others.
  const isSingle = ObjectId.isValid(id) && id.length === 24;
  const before = isSingle
    ? [
        { at, _id: { $lt: new ObjectId(id) } },
        { at, _id: { $type: 'string' } },
      ]
    : [{ at, _id: { $lt: id } }];
  return { $or: [{ at: { $lt: at } }, ...before] };
}

function presentEvent({ _id, at, last_at: lastAt, expires_at: _expiry, ...fields }: AuditRecord) {
  return {
    id: String(_id),
    at: presentDate(at),
    ...fields,
    ...(lastAt && { last_at: presentDate(lastAt) }),
  };
}
