import { randomUUID } from 'node:crypto';
import { type Db, type Document, ObjectId } from 'mongodb';
import { phases } from '../actors/stock-agent.js';
import { artifact, attachments, dataPhases } from './whole-jobs.js';

const leaseMs = 900_000;

/**
 * The least that the bare driver needs to store what one whole job stores: one command for each change that is
 * acknowledged to an agent or CLI, in the same order, and no reads.
 */
export class LimitJob {
  /** Number of commands so far. */
  commands = 0;
  #id: ObjectId | undefined;
  #jobId = '';
  readonly #numbers = { output: 0, serial: 0 };
  readonly #status: Record<string, number> = {};

  constructor(
    private readonly db: Db,
    private readonly queue: string,
    private readonly agent: string,
  ) {}

  async run(hasAttachments: boolean): Promise<void> {
    await this.#submit(hasAttachments);
    await this.#claim();
    await this.#setAgent({ job_id: this.#jobId });
    for (const phase of phases) {
      await this.#enter(phase);
      if (dataPhases.includes(phase)) await this.#runPhase(phase);
    }
    await this.#enter('cleanup');
    await this.#end();
  }

  async #submit(hasAttachments: boolean): Promise<void> {
    const job = {
      job_id: randomUUID(),
      live: true,
      created_at: new Date(),
      job_priority: 5,
      submitted_by: 'lab-ci',
      job_data: {
        job_queue: this.queue,
        provision_data: { distro: 'noble' },
        test_data: { test_cmds: 'true', ...(hasAttachments && { attachments: [{ agent: 'a.txt' }] }) },
        ...(hasAttachments && { attachments_status: 'waiting' }),
      },
      result_data: { job_state: 'waiting' },
    };
    const { insertedId } = await this.#insert('jobs', job);
    if (!hasAttachments) return;
    const file = await this.#storeFile(`${job.job_id}.attachments`, attachments);
    const set = { 'job_data.attachments_status': 'complete', attachments_file: file };
    await this.#update('jobs', { _id: insertedId }, { $set: set });
  }

  /** Claims a job of the queue, which may be the one that another caller submitted. */
  async #claim(): Promise<void> {
    this.commands += 1;
    const job = await this.db.collection('jobs').findOneAndUpdate(
      {
        'result_data.job_state': 'waiting',
        'job_data.job_queue': this.queue,
        'job_data.attachments_status': { $ne: 'waiting' },
      },
      {
        $set: {
          'result_data.job_state': 'running',
          lease: { holder: this.agent, client_id: 'lab-agents', attempt: 1, until: makeLeaseEnd() },
          started_at: new Date(),
        },
      },
      { sort: { job_priority: -1, created_at: 1, _id: 1 } },
    );
    if (job === null) throw new Error(`no job waits in ${this.queue}`);
    this.#id = job._id;
    this.#jobId = job.job_id as string;
  }

  async #enter(phase: string): Promise<void> {
    await this.#setJob({ 'result_data.job_state': phase, 'lease.until': makeLeaseEnd() });
    await this.#setAgent({ state: phase, comment: '' });
  }

  async #runPhase(phase: string): Promise<void> {
    for (let line = 1; line <= 3; line += 1) await this.#log('output', phase, `${phase} line ${line}\n`);
    await this.#log('output', phase, `${phase} ends\n`);
    await this.#log('serial', phase, `${phase} serial\u0000\u001b[0m\n`);
    this.#status[phase] = 0;
    await this.#setJob({ 'result_data.status': this.#status, 'lease.until': makeLeaseEnd() });
  }

  async #end(): Promise<void> {
    await this.#setJob({ artifact_file: await this.#storeFile(`${this.#jobId}.artifact`, artifact) });
    await this.#update(
      'jobs',
      { _id: this.#id },
      {
        $set: {
          'result_data.status': this.#status,
          'result_data.device_info': { model: 'c' },
          'result_data.job_state': 'complete',
        },
        $unset: { 'lease.until': '' },
      },
    );
    const entry = { job_id: this.#jobId, exit_code: 0, detail: 'no detail', timestamp: new Date() };
    const log = { $push: { provision_log: { $each: [entry], $slice: -100 } } };
    await this.#update('provision_logs', { name: this.agent }, log);
    const streak = { $set: { provision_streak_type: 'pass' }, $inc: { provision_streak_count: 1 } };
    await this.#update('agents', { name: this.agent }, streak);
    await this.#setAgent({ job_id: '' });
    await this.#setAgent({ state: 'waiting' });
  }

  async #log(log_type: 'output' | 'serial', phase: string, log_data: string): Promise<void> {
    const now = new Date();
    await this.#insert('logs', {
      job_id: this.#jobId,
      log_type,
      phase,
      fragment_number: this.#numbers[log_type]++,
      live: true,
      timestamp: now,
      log_data,
      updated_at: now,
    });
  }

  /** Stores a file of one chunk as GridFS does: the chunk first, so that a file that is found is complete. */
  async #storeFile(filename: string, data: Buffer): Promise<ObjectId> {
    const _id = new ObjectId();
    const uploadDate = new Date();
    await this.#insert('fs.chunks', { files_id: _id, n: 0, data, uploadDate });
    await this.#insert('fs.files', { _id, filename, length: data.length, chunkSize: 261_120, uploadDate });
    return _id;
  }

  #setJob(fields: Document): Promise<unknown> {
    return this.#update('jobs', { _id: this.#id }, { $set: fields });
  }

  #setAgent(fields: Document): Promise<unknown> {
    return this.#update('agents', { name: this.agent }, { $set: { ...fields, updated_at: new Date() } });
  }

  #update(collection: string, filter: Document, update: Document): Promise<unknown> {
    this.commands += 1;
    return this.db.collection(collection).updateOne(filter, update, { upsert: collection !== 'jobs' });
  }

  #insert(collection: string, document: Document) {
    this.commands += 1;
    return this.db.collection(collection).insertOne(document);
  }
}

const makeLeaseEnd = (): Date => new Date(Date.now() + leaseMs);
