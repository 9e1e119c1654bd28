import { setTimeout as sleep } from 'node:timers/promises';
import { type AgentJob, StockAgent, type StockAgentOptions } from '../actors/stock-agent.js';
import type { SeededRandom } from '../support/seeded-random.js';
import { type Claim, isOutcomeSent, lastStatus, makeArtifact, makeLine, type Problem } from './records.js';
import { ActorProcess, ChaosSession, type Journal } from './session.js';

/** What the agents of a run share. */
export interface AgentWorld extends Journal {
  url: string;
  refreshToken: string;
  /** Claims of all agents whose response arrived. */
  claims: Claim[];
  /** The run is over: each agent ends when it holds no job. */
  isOver: boolean;
  unexpected: Problem[];
}

/** A stock agent that marks each write with the claim that it belongs to. */
class ChaosAgent extends StockAgent {
  constructor(
    readonly chaosSession: ChaosSession,
    options: StockAgentOptions,
  ) {
    super({ ...options, session: chaosSession });
  }

  get #claim(): Claim {
    const { claim } = this.chaosSession;
    if (claim === undefined) throw new Error('the agent holds no job');
    return claim;
  }

  protected override exitCode(): number {
    return this.#claim.code;
  }

  protected override deviceInfo(): Record<string, unknown> {
    return { attempt: this.#claim.id, 'a.b': '$c' };
  }

  protected override logText(_type: 'output' | 'serial', number: number): string {
    return makeLine(this.#claim, number);
  }

  /** Sends the last status of a job as its outcome, as the stock agent does after a restart with a run folder. */
  async sendLeftOver(claim: Claim): Promise<void> {
    await this.sendOutcome(claim.jobId, lastStatus(claim));
  }
}

/** One agent name with all its successive processes, and the run folder of its job. */
export class AgentSlot {
  /** The run folder: a job whose outcome was not sent. */
  #folder: Claim | undefined;
  #process = new ActorProcess();
  /** Number of processes so far. Each has its own random generator. */
  #processes = 0;

  constructor(
    readonly world: AgentWorld,
    readonly name: string,
    readonly queues: readonly string[],
    readonly random: SeededRandom,
    readonly restartMs: readonly [number, number],
  ) {}

  get isHolding(): boolean {
    return this.#folder !== undefined && !isOutcomeSent(this.#folder);
  }

  /** Kills the process at any point, like kill -9. `run` starts the next one. */
  kill(): void {
    this.#folder?.notes.push(`killed at ${Math.round(this.world.now())}`);
    this.#process.kill();
  }

  /** Stops the process for `ms` milliseconds, like SIGSTOP and SIGCONT. */
  stop(ms: number): Promise<void> {
    this.#folder?.notes.push(`stopped at ${Math.round(this.world.now())} for ${Math.round(ms)}`);
    return this.#process.stop(ms, this.world.faultsOver);
  }

  /** Runs one process after the other, until the run is over. */
  async run(): Promise<void> {
    while (!this.world.isOver || this.isHolding) {
      this.#process = new ActorProcess();
      const random = this.random.fork(`process ${this.#processes++}`);
      try {
        await this.#runProcess(this.#process, random);
      } catch (error) {
        const killed = this.#process.signal.aborted;
        if (!killed) this.#noteFailure(error as Error);
        const [low, high] = this.restartMs;
        if (killed) await Promise.race([sleep(random.integer(low, high)), this.world.faultsOver]);
        else await sleep(500);
      } finally {
        void this.#process.dispatcher.destroy();
      }
    }
  }

  async #runProcess(actorProcess: ActorProcess, random: SeededRandom): Promise<void> {
    const { world, name, queues } = this;
    const session = new ChaosSession(world.url, actorProcess, world, random);
    const onPhase = () => actorProcess.sleep(random.integer(2, 250) * world.pace);
    const { url, refreshToken } = world;
    const agent = new ChaosAgent(session, { url, name, queues, refreshToken, onPhase });
    await agent.start();
    if (this.#folder !== undefined && this.isHolding) {
      session.claim = this.#folder;
      this.#folder.notes.push(`its outcome is sent after a restart`);
      await agent.sendLeftOver(this.#folder);
      this.#folder = undefined;
    }
    while (!world.isOver) {
      session.claim = undefined;
      const job = await agent.poll();
      if (job === undefined) {
        await actorProcess.sleep(random.integer(200, 600));
        continue;
      }
      const claim = this.#remember(session, job, random);
      await agent.run(job, Buffer.from(makeArtifact(claim)));
      this.#folder = undefined;
    }
  }

  #remember(session: ChaosSession, job: AgentJob, random: SeededRandom): Claim {
    const { claims, now } = this.world;
    const call = session.lastCall;
    const claim: Claim = {
      id: random.uuid().slice(0, 18),
      code: 1000 + claims.length,
      jobId: job.job_id,
      agent: this.name,
      job,
      askedAt: call?.sentAt ?? now(),
      answeredAt: call?.doneAt ?? now(),
      calls: call === undefined ? [] : [call],
      writes: [],
      notes: [],
    };
    claims.push(claim);
    this.#folder = claim;
    session.claim = claim;
    return claim;
  }

  /** Notes a call that failed in all its tries, which ends the process. A status outside of the v1 contract is a problem. */
  #noteFailure(error: Error): void {
    this.#folder?.notes.push(`ended: ${error.message}`);
    const isResponse = /: \d{3} /.test(error.message);
    if (isResponse && !/: 50[234] /.test(error.message)) {
      this.world.unexpected.push({ jobId: this.#folder?.jobId, text: `${this.name}: ${error.message}` });
    }
  }
}
