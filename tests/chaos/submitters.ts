import { setTimeout as sleep } from 'node:timers/promises';
import { StockCli } from '../actors/stock-cli.js';
import type { Answer } from '../actors/stock-session.js';
import type { SeededRandom } from '../support/seeded-random.js';
import { type Claim, isOutcomeSent, type Problem, type Submission } from './records.js';
import { checkOwners } from './result-owners.js';
import { ActorProcess, ChaosSession, type Journal } from './session.js';

/** What the submitters of a run share. */
export interface SubmitterWorld extends Journal {
  url: string;
  clientId: string;
  clientKey: string;
  queues: readonly string[];
  submissions: Submission[];
  claims: readonly Claim[];
  unexpected: Problem[];
  /** Number of results read during the run. */
  resultReads: number;
  /** The jobs' global_timeout in seconds, which extends the lease during provisioning. */
  globalTimeout: number;
  /** No more jobs are submitted. */
  isFaultPhaseOver: boolean;
  /** Whether a result read during the run must come from one attempt. Without leases a resubmission can mix two. */
  leases: boolean;
}

/** A session that counts how often the job of a submission was sent. */
class SubmitterSession extends ChaosSession {
  submission: Submission | undefined;

  protected override async exchange(
    ...given: Parameters<ChaosSession['exchange']>
  ): ReturnType<ChaosSession['exchange']> {
    const [{ method, path }] = given;
    if (method === 'POST' && path === '/v1/job' && this.submission) this.submission.sends += 1;
    return super.exchange(...given);
  }
}

/** A person with the stock CLI, who submits one job after the other, reads some and cancels a few. */
export class Submitter {
  readonly #session: SubmitterSession;
  readonly #cli: StockCli;

  constructor(
    readonly world: SubmitterWorld,
    readonly name: string,
    readonly random: SeededRandom,
  ) {
    this.#session = new SubmitterSession(world.url, new ActorProcess(), world, random);
    const { url, clientId, clientKey } = world;
    this.#cli = new StockCli({ url, clientId, clientKey, session: this.#session });
  }

  /** Submits `count` jobs, with pauses of `gapMs` on average. */
  async run(count: number, gapMs: number): Promise<void> {
    for (let n = 0; n < count && !this.world.isFaultPhaseOver; n += 1) {
      const random = this.random.fork(`job ${n}`);
      const submission = this.#plan(`${this.name}-${n}`, random);
      await this.#submit(submission, random);
      await sleep(random.interval(gapMs));
      if (random.chance(0.3)) await this.#readJob(random);
      if (random.chance(0.04)) await this.#cancel(random);
    }
  }

  /** Reads jobs until the fault phase is over. */
  async watch(): Promise<void> {
    for (
      const random = this.random.fork('watch');
      !this.world.isFaultPhaseOver;
      await sleep(random.integer(100, 400))
    ) {
      await this.#readJob(random);
    }
    await this.#session.process.dispatcher.destroy();
  }

  #plan(tag: string, random: SeededRandom): Submission {
    const submission: Submission = { tag, kind: random.pick(['id', 'id', 'key', 'key', 'plain']), sends: 0 };
    this.world.submissions.push(submission);
    return submission;
  }

  /** Sends a job, with the same id or key each time, until the server acknowledges it. */
  async #submit(submission: Submission, random: SeededRandom): Promise<void> {
    const { tag, kind } = submission;
    const hasAttachments = random.chance(0.08);
    const job = {
      ...this.#makeJob(tag, random, hasAttachments),
      ...(kind === 'id' && { job_id: random.uuid() }),
    };
    const headers: Record<string, string> = kind === 'key' ? { 'idempotency-key': `chaos ${tag}` } : {};
    this.#session.submission = submission;
    await this.#retryUntilAccepted(async () => {
      await this.#cli.start();
      const attachments = hasAttachments ? Buffer.from(`attachments of ${tag}`) : undefined;
      submission.jobId = await this.#cli.submit(job, attachments, headers);
    });
    submission.acknowledgedAt = this.world.now();
    this.#session.submission = undefined;
  }

  #makeJob(tag: string, random: SeededRandom, hasAttachments: boolean) {
    const test = { test_cmds: 'true', ...(hasAttachments && { attachments: [{ agent: 'a.txt' }] }) };
    return {
      job_queue: random.pick(this.world.queues),
      job_priority: random.pick([0, 0, 0, 5, 10]),
      global_timeout: this.world.globalTimeout,
      tags: [tag],
      ...(random.chance(0.7) && { provision_data: { distro: 'noble' } }),
      test_data: test,
    };
  }

  /** Polls a job like the CLI, and checks that its result comes from one attempt. */
  async #readJob(random: SeededRandom): Promise<void> {
    // Prefers a job that an agent runs, since the results of others do not change.
    const open = this.world.claims.filter((claim) => !isOutcomeSent(claim));
    const { jobId } = random.pick<{ jobId?: string }>(open.length > 0 ? open : this.world.submissions);
    if (jobId === undefined) return;
    const answer = await this.#poll(jobId);
    if (answer?.status !== 200) return;
    this.world.resultReads += 1;
    if (!this.world.leases) return;
    const claims = this.world.claims.filter((claim) => claim.jobId === jobId);
    const problems = checkOwners(answer.json(), claims);
    const at = Math.round(this.world.now());
    this.world.unexpected.push(...problems.map((text) => ({ jobId, text: `at ${at}: ${text}` })));
  }

  /** The result after a round of calls. `undefined` if a call failed: a person would run the CLI again. */
  async #poll(jobId: string): Promise<Answer | undefined> {
    try {
      await this.#cli.start();
      await this.#cli.poll(jobId);
      return await this.#session.call('GET', `/v1/result/${jobId}`);
    } catch {
      return undefined;
    }
  }

  async #cancel(random: SeededRandom): Promise<void> {
    const submission = random.pick(this.world.submissions.slice(-20));
    if (submission.jobId === undefined) return;
    submission.cancelAskedAt = this.world.now();
    await this.#cli.start().catch(() => undefined);
    const status = await this.#cli.cancel(submission.jobId).catch(() => undefined);
    if (![200, 400, 401, 503, undefined].includes(status)) {
      this.world.unexpected.push({ jobId: submission.jobId, text: `its cancel returned ${status}` });
    }
  }

  async #retryUntilAccepted(task: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await task();
      } catch (error) {
        const { message } = error as Error;
        const isResponse = /: \d{3}\b/.test(message) && !/: (401|50[0234])\b/.test(message);
        if (isResponse) this.world.unexpected.push({ jobId: undefined, text: `${this.name}: ${message}` });
        await sleep(200);
      }
    }
  }
}
