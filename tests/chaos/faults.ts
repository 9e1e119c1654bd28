import { setTimeout as sleep } from 'node:timers/promises';
import type { MongodReplicaSet } from '../support/mongod-replica-set.js';
import type { SeededRandom } from '../support/seeded-random.js';
import type { AgentSlot } from './agents.js';
import type { ServerSlot } from './servers.js';

/** Every kind of fault except cut connections, which the proxy makes. */
export const faultKinds = ['agentKills', 'agentStops', 'serverKills', 'primaryKills', 'stepDowns'] as const;
export type FaultKind = (typeof faultKinds)[number];

/** For each kind, the average interval in milliseconds and the maximum count. */
export type FaultPlan = Record<FaultKind, { everyMs: number; atMost: number }>;

/** The targets of faults. */
export interface FaultTargets {
  set: MongodReplicaSet;
  servers: readonly ServerSlot[];
  agents: readonly AgentSlot[];
  /** Milliseconds that an agent is stopped, minimum and maximum. */
  stopMs: readonly [number, number];
  now(): number;
  faultsOver: Promise<void>;
}

/**
 * Makes faults, each kind at its own rate, until `end()`. The seed decides times, kinds and targets. Timing decides
 * which call a fault hits.
 */
export class Faults {
  readonly done = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Record<FaultKind, number>;
  /** The faults so far with their times, for the report. */
  readonly history: string[] = [];
  /** Faults after which the target did not recover. */
  readonly failed: string[] = [];
  #isOver = false;
  readonly #loops: Promise<void[]>;
  /** At most one member of the set is down at a time, otherwise there is no majority. */
  #setIsFree: Promise<void> = Promise.resolve();

  constructor(
    readonly targets: FaultTargets,
    plan: FaultPlan,
    random: SeededRandom,
  ) {
    this.#loops = Promise.all(faultKinds.map((kind) => this.#repeat(kind, plan[kind], random.fork(kind))));
  }

  /** Stops making faults. Resolves when all targets have recovered. `faultsOver` must resolve first to end the waits between faults. */
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
      await Promise.race([sleep(random.interval(everyMs)), this.targets.faultsOver]);
      if (this.#isOver) return;
      const target = random.integer(0, 2 ** 30);
      const waitMs = random.integer(300, 2500);
      const description = await this.#make(kind, target, waitMs).catch((error: Error) => {
        this.failed.push(`${kind}: ${error.message}`);
        return `failed: ${error.message}`;
      });
      this.done[kind] += 1;
      this.history.push(`${Math.round(this.targets.now())} ${kind}: ${description}`);
    }
  }

  /** Makes a fault. Returns the name of its target. */
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
        // Not awaited: other agents can be stopped meanwhile.
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
        return this.#runExclusively(() => this.#hitSet(kind, waitMs));
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

  #runExclusively<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#setIsFree.then(task);
    this.#setIsFree = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  /** The first agent from `target` on that runs a job, since a fault of an idle agent tests little. */
  #findAgent(target: number): AgentSlot {
    const { agents } = this.targets;
    const turned = agents.map((_, n) => agents[(target + n) % agents.length] as AgentSlot);
    return turned.find((agent) => agent.isHolding) ?? (turned[0] as AgentSlot);
  }
}
