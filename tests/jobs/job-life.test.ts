import { randomUUID } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { jobEvents, jobStates } from '../../server/job/job-state.js';
import { bearer, jsonBody } from '../support/clients.js';
import { agentHeaders, claim, submit } from '../support/jobs.js';
import { shareServer } from '../support/share-server.js';

const server = shareServer(test);

type State = keyof typeof jobStates;
type Step =
  | { do: 'submit'; job: number; priority: number }
  | { do: 'claim' }
  | { do: 'cancel' | 'phase' | 'complete'; job: number };

/** The expected job: its state, priority and holder, and how often it was handed out since it last waited. */
interface Expected {
  state: State;
  priority: number;
  handedOut: number;
  holder?: string;
  /** Whether an agent held an earlier run of the job. */
  wasHeld: boolean;
}

const jobs = 4;
const job = fc.nat({ max: jobs - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('submit' as const), job, priority: fc.nat({ max: 2 }) }),
  },
  { weight: 4, arbitrary: fc.constant({ do: 'claim' as const }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('cancel' as const, 'phase' as const, 'complete' as const),
      job,
    }),
  },
);

const ownerHeaders = () => bearer(server(), { client_id: 'owner', max_priority: { '*': 9 } });

/**
 * Runs random steps for some jobs in their own queue, on the server and in a model. The test compares both after each
 * step.
 */
class Life {
  readonly queue = `life ${randomUUID()}`;
  readonly ids: string[] = Array.from({ length: jobs }, () => randomUUID());
  readonly expected = new Map<number, Expected>();

  async take(step: Step): Promise<void> {
    if (step.do === 'claim') return this.#claim();
    if (step.do === 'submit') return this.#submit(step);
    const known = this.expected.get(step.job);
    if (step.do === 'cancel') return this.#cancel(step.job, known);
    // An agent posts only for a job that it was given before.
    if (known === undefined || known.state === 'waiting') return;
    const word = step.do === 'phase' ? 'test' : 'complete';
    const headers = agentHeaders(server(), known.holder ?? 'somebody else');
    const sent = await server().request(
      `/v1/result/${this.ids[step.job]}`,
      jsonBody({ job_state: word }, headers),
    );
    if (sent.status !== 200) throw new Error(`result: ${sent.status}`);
    // Posts of an agent that does not hold the job are ignored once another agent has held it.
    if (known.holder === undefined && known.wasHeld) return;
    if (step.do === 'complete') known.state = 'complete';
    else if (!jobStates[known.state].ended) known.state = 'phase';
  }

  async #submit({ job, priority }: { job: number; priority: number }): Promise<void> {
    const input = { job_id: this.ids[job], job_queue: this.queue, job_priority: priority };
    await submit(server(), input, ownerHeaders());
    const { holder, wasHeld = false } = this.expected.get(job) ?? {};
    const held = wasHeld || holder !== undefined;
    this.expected.set(job, { state: 'waiting', priority, handedOut: 0, wasHeld: held });
  }

  /** Two agents claim at once. Each waiting job goes to at most one of them, with the highest priorities first. */
  async #claim(): Promise<void> {
    const agents = ['a', 'b'];
    const taken = await Promise.all(agents.map((agent) => claim(server(), [this.queue], agent)));
    const waiting = [...this.expected.values()].filter(({ state }) => state === 'waiting');
    const best = waiting.map(({ priority }) => priority).sort((a, b) => b - a);
    const got = taken.map((claimed) => (claimed ? this.ids.indexOf(claimed.job_id as string) : -1));
    for (const [i, index] of got.entries()) {
      if (index < 0) continue;
      const known = this.expected.get(index) as Expected;
      if (known.state !== 'waiting') throw new Error(`a job that is ${known.state} was handed out`);
      known.handedOut += 1;
      known.state = 'running';
      known.holder = agents[i] as string;
      if (known.handedOut !== 1) throw new Error('one job was handed out twice');
    }
    const claimed = got.filter((index) => index >= 0);
    const priorities = claimed.map((index) => this.expected.get(index)?.priority ?? 0).sort((a, b) => b - a);
    if (String(priorities) !== String(best.slice(0, 2))) throw new Error(`took ${priorities} of ${best}`);
  }

  async #cancel(index: number, known: Expected | undefined): Promise<void> {
    const answer = await server().request(
      `/v1/job/${this.ids[index]}/action`,
      jsonBody({ action: 'cancel' }, ownerHeaders()),
    );
    const possible = known !== undefined && !jobStates[known.state].ended;
    if (answer.status !== (possible ? 200 : 400)) throw new Error(`cancel: ${answer.status}`);
    if (possible) known.state = 'cancelled';
  }

  /** Reads the states from the server, named as in the state table. */
  async stored(): Promise<Record<string, string>> {
    const found = await server().deps.collections.jobs.find({ 'job_data.job_queue': this.queue }).toArray();
    return Object.fromEntries(
      found.map(({ job_id, result_data: { job_state: word } }) => [
        job_id,
        word in jobStates ? word : 'phase',
      ]),
    );
  }
}

test('any sequence of submit, claim, cancel, result and resubmit leaves each job in a state that the state table allows', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const life = new Life();
      for (const taken of steps) {
        const before = await life.stored();
        await life.take(taken);
        const after = await life.stored();
        const expected = [...life.expected].map(([index, { state }]) => [life.ids[index], state] as const);
        t.deepEqual(after, Object.fromEntries(expected) as Record<string, string>);
        for (const [id, state] of Object.entries(after)) {
          const from = before[id] as State | undefined;
          const isAllowed = Object.values(jobEvents).some(
            ({ from: before, to }) =>
              (to as readonly string[]).includes(state) &&
              (from === undefined ? before.length === 0 : (before as readonly string[]).includes(from)),
          );
          t.true(from === state || isAllowed, `${from} to ${state}`);
        }
      }
    }),
    { numRuns: 25 },
  );
});
