import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { jsonBody } from '../support/clients.js';
import { World } from '../support/fault-world.js';
import { waitUntil } from '../support/own-mongod.js';

/** Submitters that send jobs without a pause until `end()`, each to its own queue. */
class Submitters {
  readonly acknowledged = new Map<string, string>();
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
      const answer = await this.world.request('/v1/job', jsonBody({ job_queue: queue }));
      if (answer?.status === 200) {
        this.acknowledged.set((JSON.parse(answer.text) as { job_id: string }).job_id, queue);
      } else {
        this.refused += 1;
        await wait(20);
      }
    }
  }

  async untilMoreAreAcknowledged(): Promise<void> {
    const before = this.acknowledged.size;
    await waitUntil(() => this.acknowledged.size >= before + 200);
  }

  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#loops);
  }

  /** Finds the acknowledged jobs that are missing, or stored with another queue. */
  async findLost(): Promise<string[]> {
    const stored = await this.world.collections.jobs.find().toArray();
    const queues = new Map(stored.map((job) => [job.job_id, job.job_data.job_queue]));
    return [...this.acknowledged]
      .filter(([jobId, queue]) => queues.get(jobId) !== queue)
      .map(([jobId]) => jobId);
  }
}

test('while MongoDB is killed and stopped, each of 64 submitters gets its own job or 503, and every acknowledged job is stored', async (t) => {
  const world = await World.start(t);
  const submitters = new Submitters(world, 64);
  await submitters.untilMoreAreAcknowledged();
  await world.killMongo();
  await submitters.untilMoreAreAcknowledged();
  await world.stopMongo();
  const before = submitters.refused;
  await waitUntil(() => submitters.refused >= before + 64);
  await world.startMongo();
  await submitters.untilMoreAreAcknowledged();
  await submitters.end();
  t.deepEqual(world.wrong, []);
  t.true(submitters.acknowledged.size >= 600);
  t.deepEqual(await submitters.findLost(), []);
});

test('after SIGTERM during the requests of 64 submitters the server exits with 0, and every acknowledged job is stored', async (t) => {
  const world = await World.start(t);
  const submitters = new Submitters(world, 64);
  await submitters.untilMoreAreAcknowledged();
  world.server.kill('SIGTERM');
  t.deepEqual(await world.server.exited, { code: 0, signal: null });
  await submitters.end();
  t.deepEqual(await submitters.findLost(), []);
});
