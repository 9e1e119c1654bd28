import { setTimeout as sleep } from 'node:timers/promises';
import type { MongodReplicaSet } from '../support/mongod-replica-set.js';
import type { SeededRandom } from '../support/seeded-random.js';
import type { AgentSlot } from './agents.js';
import type { ServerSlot } from './servers.js';

/** Every kind of fault but cut connections, which the proxy makes. */
export const faultKinds = ['agentKills', 'agentStops', 'serverKills', 'primaryKills', 'stepDowns'] as const;
export type FaultKind = (typeof faultKinds)[number];

/** How often each kind comes on average, in milliseconds, and how often at most. */
export type FaultPlan = Record<FaultKind, { everyMs: number; atMost: number }>;

/** What faults are done to. */
export interface FaultTargets {
  set: MongodReplicaSet;
  servers: readonly ServerSlot[];
  agents: readonly AgentSlot[];
  /** Milliseconds that an agent is stopped: from its lease to twice of it. */
  stopMs: readonly [number, number];
  now(): number;
  calm: Promise<void>;
}

/**
 * Makes faults, each kind at its own pace, until `end()`. Times, kinds and targets are those of the seed; which call
 * they meet is a matter of timing.
 */
export class Faults {
  readonly done = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Record<FaultKind, number>;
  /** What was done when, for people. */
  readonly history: string[] = [];
  /** Faults after which what was hit did not come back. */
  readonly failed: string[] = [];
  #isOver = false;
  readonly #loops: Promise<void[]>;
  /** At most one member of the set is down at a time, else there is no majority. */
  #setIsFree: Promise<void> = Promise.resolve();

  constructor(
    readonly targets: FaultTargets,
    plan: FaultPlan,
    random: SeededRandom,
  ) {
    this.#loops = Promise.all(faultKinds.map((kind) => this.#repeat(kind, plan[kind], random.fork(kind))));
  }

  /** Makes no more; resolves when all that were hit are back. Who waits for a fault is told by `calm`. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#loops;
  }

  async #repeat(
    kind: FaultKind,
    { everyMs, atMost }: FaultPlan[FaultKind],
    random: SeededRandom,
  ): Promise<void> {
    for (let n = 0; n < atMost; n += 1) {
      await Promise.race([sleep(random.interval(everyMs)), this.targets.calm]);
      if (this.#isOver) return;
      const target = random.integer(0, 2 ** 30);
      const waitMs = random.integer(300, 2500);
      const told = await this.#make(kind, target, waitMs).catch((error: Error) => {
        this.failed.push(`${kind}: ${error.message}`);
        return `failed: ${error.message}`;
      });
      this.done[kind] += 1;
      this.history.push(`${Math.round(this.targets.now())} ${kind}: ${told}`);
    }
  }

  /** What it was done to. */
  async #make(kind: FaultKind, target: number, waitMs: number): Promise<string> {
    const { servers, stopMs } = this.targets;
    switch (kind) {
      case 'agentKills': {
        const agent = this.#findAgent(target);
        agent.kill();
        return agent.name;
      }
      case 'agentStops': {
        const agent = this.#findAgent(target);
        // Others are stopped meanwhile.
        void agent.stop(stopMs[0] + (target % (stopMs[1] - stopMs[0])));
        return agent.name;
      }
      case 'serverKills': {
        const n = target % servers.length;
        await servers[n]?.replace(waitMs);
        return `server ${n}`;
      }
      case 'primaryKills':
      case 'stepDowns':
        return this.#alone(() => this.#hitSet(kind, waitMs));
    }
  }

  async #hitSet(kind: 'primaryKills' | 'stepDowns', waitMs: number): Promise<string> {
    const { set } = this.targets;
    if (kind === 'stepDowns') {
      const n = await set.stepDown();
      await set.untilHealthy();
      return `member ${n}`;
    }
    const n = await set.killPrimary();
    await sleep(waitMs);
    await set.restart(n);
    await set.untilHealthy();
    return `member ${n}`;
  }

  #alone<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#setIsFree.then(task);
    this.#setIsFree = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  /** The first from there on that runs a job: a fault of an idle one shows little. */
  #findAgent(target: number): AgentSlot {
    const { agents } = this.targets;
    const turned = agents.map((_, n) => agents[(target + n) % agents.length] as AgentSlot);
    return turned.find((agent) => agent.isHolding) ?? (turned[0] as AgentSlot);
  }
}
