import { setImmediate as nextTurn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { ObjectId, type WithId } from 'mongodb';
import { type AgentEvent, AgentRecords } from '../../server/agents/agent-records.js';
import { findOwnAgent, presentAgent } from '../../server/agents/find-agent.js';
import type { AgentRecord } from '../../server/leases/collections.js';
import { times } from '../support/recorded-commands.js';
import { SeededRandom } from '../support/seeded-random.js';

/** `state` is the number of the last write, and `comment` that of the last write with a mark. */
type Doc = WithId<AgentRecord> & { state: string; comment: string };

interface Write {
  /** The record after the write. */
  doc: Doc | undefined;
  /** Absent for an insert. */
  event?: AgentEvent;
  acknowledge?: () => void;
}

/** A database whose newest writes are not durable yet: reads return them, and a new primary undoes them. */
class ModelDatabase {
  readonly writes: Write[] = [];
  durable = 0;
  readonly shown = new Set<string>();
  #number = 0;

  get doc(): Doc | undefined {
    return this.writes.at(-1)?.doc;
  }

  get events(): AgentEvent[] {
    return this.writes.slice(0, this.durable).flatMap(({ event }) => event ?? []);
  }

  #write(doc: Doc | undefined, event?: AgentEvent, acknowledge?: () => void): void {
    if (doc) this.shown.add(JSON.stringify(presentAgent(doc, {})));
    this.writes.push({ doc, ...(event && { event }), ...(acknowledge && { acknowledge }) });
  }

  /** Writes as this server does. @returns the number of the write */
  report(mark: string, withLocation: boolean, acknowledge: () => void): number {
    this.#number += 1;
    const number = `${this.#number}`;
    const set = { state: number, comment: number, ...(withLocation && { location: number }) };
    const { doc } = this;
    const fields = { ...set, write_mark: mark, revision: (doc?.revision ?? 0) + 1 };
    const next = { name: 'a', _id: new ObjectId(), ...doc, ...fields };
    this.#write(next, doc && makeEvent('update', next, fields), acknowledge);
    return this.#number;
  }

  /** Writes as a program that knows no marks. The memory cannot hold that a new primary undoes that, so it is durable. */
  writeForeign(kind: 'update' | 'replace' | 'delete'): void {
    const { doc } = this;
    if (doc === undefined) return;
    this.#number += 1;
    const state = `${this.#number}`;
    if (kind === 'delete') this.#write(undefined, makeEvent(kind, doc));
    else this.#write({ ...doc, state }, makeEvent(kind, doc, kind === 'update' ? { state } : undefined));
    this.makeDurable();
  }

  makeDurable(): void {
    const newly = this.writes.slice(this.durable);
    this.durable = this.writes.length;
    for (const { acknowledge } of newly) acknowledge?.();
  }

  /** A new primary, without the writes that are not durable. */
  undo(): void {
    this.writes.length = this.durable;
  }

  /** Returns the newest marked write up to `number` that was not undone. */
  lastKept(number: number): number {
    const kept = this.writes.map(({ doc }) => Number(doc?.comment ?? 0));
    return Math.max(0, ...kept.filter((one) => one <= number));
  }
}

function makeEvent(operationType: string, { _id }: Doc, fields?: Partial<AgentRecord>): AgentEvent {
  return { operationType, documentKey: { _id }, ...(fields && { fields }) };
}

/** A process: its memory, how far its stream has come, and its reads that the database has not answered. */
class ModelProcess {
  records = new AgentRecords();
  isLive = false;
  position = 0;
  readonly reads: { found?: Doc | undefined; isRun: boolean; answer: (found: Doc | undefined) => void }[] =
    [];
  fromMemory = 0;

  constructor(readonly database: ModelDatabase) {}

  open(): void {
    this.isLive = true;
    this.position = this.database.events.length;
    this.records.clear();
  }

  deliver(count: number): void {
    if (!this.isLive) return;
    const events = this.database.events.slice(this.position, this.position + count);
    this.position += events.length;
    for (const event of events) this.records.apply(event);
  }

  /** Runs the server's own code for an agent that reads its data. */
  find(cookie: string | undefined) {
    const deps = {
      restrictionMemory: { areUnrestricted: () => true },
      agentMemory: {
        find: (name: string, mark: string) => {
          const found = this.isLive ? this.records.find(name, mark) : undefined;
          if (found) this.fromMemory += 1;
          return found;
        },
        beginRead: () => {
          const { epoch } = this.records;
          const { isLive } = this;
          return (record: WithId<AgentRecord>, mark: string | undefined) => {
            if (isLive && this.isLive) this.records.add(record, epoch, mark);
          };
        },
      },
      findAgentRecord: () =>
        new Promise<Doc | undefined>((answer) => void this.reads.push({ isRun: false, answer })),
    };
    return findOwnAgent(deps as never, 'a', cookie);
  }

  runReads(random: SeededRandom, chance: number): void {
    for (const read of this.reads) {
      if (read.isRun || !random.chance(chance)) continue;
      read.isRun = true;
      read.found = this.database.doc;
    }
  }

  answerReads(random: SeededRandom, chance: number): void {
    for (const read of this.reads.filter(({ isRun }) => isRun)) {
      if (!random.chance(chance)) continue;
      this.reads.splice(this.reads.indexOf(read), 1);
      read.answer(read.found);
    }
  }
}

/** A program that acts as the agent and sends one request after the other, to any process. */
class ModelSession {
  cookie: string | undefined;
  isReading = false;
  isWriting = false;
  /** The newest marked write that was acknowledged to it, or that it read. */
  known = 0;
  reads = 0;

  constructor(
    readonly t: ExecutionContext,
    readonly database: ModelDatabase,
  ) {}

  report(mark: string, withLocation: boolean): void {
    this.isWriting = true;
    const number = this.database.report(mark, withLocation, () => {
      this.isWriting = false;
      this.cookie = mark;
      this.known = number;
    });
  }

  async read(at: ModelProcess, random: SeededRandom): Promise<void> {
    this.isReading = true;
    const cookie = random.chance(0.05) ? random.pick(['forged', '~', '~forged', '']) : this.cookie;
    const { agent, newMark } = await at.find(cookie);
    this.isReading = false;
    this.reads += 1;
    if (newMark !== undefined) this.cookie = newMark;
    if (agent === undefined) return;
    this.t.true(this.database.shown.has(JSON.stringify(agent)), 'a state that the record never had');
    const comment = Number(agent['comment']);
    this.t.true(
      comment >= this.known,
      `read ${comment} after ${this.known}, with the cookie ${cookie}, seed ${random.seed}`,
    );
    this.known = this.database.lastKept(comment);
  }
}

async function runModel(t: ExecutionContext, seed: number): Promise<{ reads: number; fromMemory: number }> {
  const random = new SeededRandom(seed);
  const database = new ModelDatabase();
  const processes = times(2, () => new ModelProcess(database));
  const sessions = times(3, () => new ModelSession(t, database));
  const marks = new Set<string>();
  const pending: Promise<void>[] = [];
  const foreign = random.pick([0, 0, 0.05, 0.2]);
  const loss = random.pick([0.03, 0.1]);
  const runs = random.pick([0.2, 0.8]);
  const answers = random.pick([0.1, 0.5]);
  for (let step = 0; step < 150; step += 1) {
    const at = random.pick(processes);
    const session = random.pick(sessions);
    if (random.chance(foreign)) database.writeForeign(random.pick(['update', 'replace', 'delete']));
    else if (random.chance(loss)) at.isLive = false;
    else if (random.chance(0.3) && !at.isLive) at.open();
    else if (random.chance(0.3)) at.deliver(random.integer(1, 3));
    else if (random.chance(0.3)) database.makeDurable();
    else if (random.chance(0.02)) {
      database.undo();
      for (const one of sessions) {
        one.known = database.lastKept(one.known);
        one.isWriting = false;
      }
    } else if (session.isReading || session.isWriting) {
      // It waits for its response.
    } else if (random.chance(0.3)) {
      const mark = random.uuid();
      marks.add(mark);
      session.report(mark, random.chance(0.5));
    } else pending.push(session.read(at, random));
    for (const one of processes) {
      one.runReads(random, runs);
      one.answerReads(random, answers);
    }
    await nextTurn();
  }
  database.makeDurable();
  for (const one of processes) {
    while (one.reads.length > 0) {
      one.runReads(random, 1);
      one.answerReads(random, 1);
    }
  }
  await Promise.all(pending);
  for (const one of processes) {
    one.deliver(Infinity);
    for (const mark of marks) {
      const found = one.isLive ? one.records.find('a', mark) : undefined;
      if (found) t.deepEqual(found, database.doc, 'the memory is not what the database has');
    }
  }
  const sum = (list: number[]) => list.reduce((total, n) => total + n, 0);
  return { reads: sum(sessions.map((s) => s.reads)), fromMemory: sum(processes.map((p) => p.fromMemory)) };
}

test('in random orders of writes, reads, late events, lost streams and new primaries nobody reads less than before, and no memory stays old', async (t) => {
  let reads = 0;
  let fromMemory = 0;
  const first = Number(process.env['SEED'] ?? 1);
  for (let seed = first; seed < first + 600 && t.passed !== false; seed += 1) {
    const ran = await runModel(t, seed);
    reads += ran.reads;
    fromMemory += ran.fromMemory;
  }
  t.log(`${fromMemory} of ${reads} reads were answered from memory`);
  t.true(fromMemory > reads / 10);
});

test('a read that began before events were missed is not kept, nor a record of which an event was skipped', (t) => {
  const records = new AgentRecords();
  const record = { _id: new ObjectId(), name: 'a', write_mark: 'm1', revision: 1 };
  const { epoch } = records;
  records.clear();
  records.add(record, epoch, 'm1');
  t.is(records.find('a', 'm1'), undefined);
  records.add(record, records.epoch, 'm1');
  t.is(records.find('a', 'm1'), record);
  const documentKey = { _id: record._id };
  records.apply({ operationType: 'update', documentKey, fields: { write_mark: 'm3', revision: 3 } });
  t.is(records.find('a', 'm1'), undefined);
  t.is(records.find('a', 'm3'), undefined);
});

test('the marks of the last 16 writes are accepted, also of those whose outcome was read before', (t) => {
  const records = new AgentRecords();
  const record = { _id: new ObjectId(), name: 'a', write_mark: 'm20', revision: 20 };
  records.add(record, records.epoch, 'm20');
  for (let n = 2; n <= 18; n += 1) {
    const fields = { write_mark: `m${n}`, revision: n, state: 'older' };
    records.apply({ operationType: 'update', documentKey: { _id: record._id }, fields });
  }
  const accepted = times(21, (n) => n).filter((n) => records.find('a', `m${n}`) === record);
  t.deepEqual(accepted, [...times(15, (n) => n + 4), 20]);
});
