import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { jsonBody } from '../support/clients.js';
import { World } from '../support/fault-world.js';
import { waitUntil } from '../support/own-mongod.js';

/** Callers that submit without pause, each to a queue of its own, until `end()`. */
class Submitters {
  readonly told = new Map<string, string>();
  refused = 0;
  #ended = false;
  readonly #loops: Promise<void>[];

  constructor(
    readonly world: World,
    count: number,
  ) {
    this.#loops = Array.from({ length: count }, (_, n) => this.#submit(`q${n}`));
  }

  async #submit(queue: string): Promise<void> {
    while (!this.#ended) {
      const answer = await this.world.ask('/v1/job', jsonBody({ job_queue: queue }));
      if (answer?.status === 200) {
        this.told.set((JSON.parse(answer.text) as { job_id: string }).job_id, queue);
      } else {
        this.refused += 1;
        await wait(20);
      }
    }
  }

  async untilMoreAreTold(): Promise<void> {
    const before = this.told.size;
    await waitUntil(() => this.told.size >= before + 200);
  }

  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#loops);
  }

  /** The jobs that were told and are not stored as they were told. */
  async findLost(): Promise<string[]> {
    const stored = await this.world.collections.jobs.find().toArray();
    const queues = new Map(stored.map((job) => [job.job_id, job.job_data.job_queue]));
    return [...this.told].filter(([jobId, queue]) => queues.get(jobId) !== queue).map(([jobId]) => jobId);
  }
}

test('MongoDB killed, and stopped, amid 64 submitters: each is told its own job or 503, and what was told is stored', async (t) => {
  const world = await World.start(t);
  const submitters = new Submitters(world, 64);
  await submitters.untilMoreAreTold();
  await world.killMongo();
  await submitters.untilMoreAreTold();
  await world.stopMongo();
  const before = submitters.refused;
  await waitUntil(() => submitters.refused >= before + 64);
  await world.startMongo();
  await submitters.untilMoreAreTold();
  await submitters.end();
  t.deepEqual(world.wrong, []);
  t.true(submitters.told.size >= 600);
  t.deepEqual(await submitters.findLost(), []);
});

test('SIGTERM amid 64 submitters: the server ends in order, and what was told is stored', async (t) => {
  const world = await World.start(t);
  const submitters = new Submitters(world, 64);
  await submitters.untilMoreAreTold();
  world.server.kill('SIGTERM');
  t.deepEqual(await world.server.exited, { code: 0, signal: null });
  await submitters.end();
  t.deepEqual(await submitters.findLost(), []);
});
