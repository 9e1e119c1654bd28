import { LRUCache } from 'lru-cache';
import type { ObjectId, WithId } from 'mongodb';
import type { AgentRecord } from '../leases/collections.js';

/** A change of an agent's record, as the pipeline of the change stream reduces it. */
export interface AgentEvent {
  operationType: string;
  /** Absent for a change of the whole collection. */
  documentKey?: { _id: ObjectId };
  /** The new values of the fields that the memory holds, `write_mark` and `revision` among them. */
  fields?: Partial<AgentRecord>;
  /** Fields that an update removed. */
  removed?: readonly string[];
}

/** What is known about one record. It has no `record` while only its events are known. */
interface Entry {
  revision: number;
  /** Marks of writes that the newest known revision contains, the newest last. */
  marks: string[];
  record?: WithId<AgentRecord> | undefined;
}

const maxAgents = 20_000;
const maxMarks = 16;

/** Maximum length of the texts of a record that is held; with it, 20,000 records take at most about 100 MB. */
const maxLength = 4096;

/**
 * The agents' records that a process holds, from reads and from the events of a change stream, which arrive in order but late.
 *
 * Each write of this server sets a unique `write_mark` and increments `revision`. A caller that has the mark of a write
 * gets a record only if it contains that write. Everything else is read from the database: this class may forget any
 * record at any time, but never returns one that lacks a write whose event arrived.
 */
export class AgentRecords {
  readonly #ids = new Map<string, string>();
  readonly #entries = new LRUCache<string, Entry>({
    max: maxAgents,
    dispose: ({ record }, id, reason) => {
      if (record !== undefined && this.#ids.get(record.name) === id) this.#ids.delete(record.name);
      if (reason === 'evict') this.#epoch += 1;
    },
  });
  #epoch = 0;

  /** Changes when something was forgotten: a read that began before must not be added. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Returns the record of an agent if it contains the write with this mark. The caller must not change it. */
  find(name: string, mark: string): WithId<AgentRecord> | undefined {
    const id = this.#ids.get(name);
    const entry = id === undefined ? undefined : this.#entries.get(id);
    return entry?.marks.includes(mark) ? entry.record : undefined;
  }

  /**
   * Adds a record that was read from the database. It is added only if its last write is durable: otherwise a new primary
   * could undo it, and no event would report that. (Of a write without a mark, by another program, this cannot be known.)
   * @param epoch `epoch` from before the read began, at which the stream was open
   * @param acknowledged the mark of a write that a majority has acknowledged
   */
  add(record: WithId<AgentRecord>, epoch: number, acknowledged: string | undefined): void {
    const { write_mark: mark, revision, name } = record;
    if (epoch !== this.#epoch || typeof mark !== 'string' || typeof revision !== 'number') return;
    const id = record._id.toString();
    const entry = this.#entries.get(id);
    if (mark !== acknowledged && !entry?.marks.includes(mark)) return;
    if (!isSmall(record)) return;
    if (entry === undefined) this.#entries.set(id, { revision, marks: [mark], record });
    else if (revision > entry.revision || (revision === entry.revision && entry.record === undefined)) {
      entry.revision = revision;
      entry.record = record;
      addMark(entry, mark);
    } else return;
    this.#ids.set(name, id);
  }

  /** Applies an event of the stream. */
  apply({ operationType, documentKey, fields = {}, removed = [] }: AgentEvent): void {
    const { write_mark: mark, revision } = fields;
    if (documentKey === undefined) return this.clear();
    const id = documentKey._id.toString();
    // A removal, or a write of something else than this server.
    if (operationType !== 'update' || mark === undefined || revision === undefined || removed.length > 0)
      return this.#forget(id);
    const entry = this.#entries.get(id);
    if (entry === undefined) return void this.#entries.set(id, { revision, marks: [mark] });
    if (revision > entry.revision + 1) return this.#forget(id);
    // A read has returned the outcome of this write already.
    if (revision <= entry.revision) return addMark(entry, mark, entry.marks.length - 1);
    entry.revision = revision;
    addMark(entry, mark);
    entry.record &&= { ...entry.record, ...fields };
    if (entry.record === undefined || isSmall(entry.record)) return;
    this.#ids.delete(entry.record.name);
    entry.record = undefined;
  }

  /** Forgets everything: events may have been missed. */
  clear(): void {
    this.#epoch += 1;
    this.#entries.clear();
  }

  #forget(id: string): void {
    this.#epoch += 1;
    this.#entries.delete(id);
  }
}

/** Adds a mark before the one at `place`, so that marks of earlier writes do not displace the newest. */
function addMark({ marks }: Entry, mark: string, place = marks.length): void {
  if (marks.includes(mark)) return;
  marks.splice(place, 0, mark);
  if (marks.length > maxMarks) marks.shift();
}

function isSmall(record: AgentRecord): boolean {
  let length = 0;
  for (const value of Object.values(record)) {
    if (typeof value === 'string') length += value.length;
    else if (Array.isArray(value)) for (const one of value) length += String(one).length + 16;
  }
  return length <= maxLength;
}
