import test from 'ava';
import { submit } from '../support/jobs.js';
import { passTime, startJob, startLeaseServer } from '../support/leases.js';
import { addActor, runQueuepass } from '../support/queuepass.js';
import { startServer } from '../support/start-server.js';
import { TestClock } from '../support/tokens.js';

/** A clock that runs with the machine's clock, since the command logs in by itself, and that a test can move. */
class MovedClock extends TestClock {
  #offsetMs = 0;

  override now(): Date {
    return new Date(Date.now() + this.#offsetMs);
  }

  override move(seconds: number): void {
    this.#offsetMs += seconds * 1000;
  }
}

test.serial(
  'job show prints state, queue, holder and lease, and after a loss the agent that lost the job and why',
  async (t) => {
    const server = await startLeaseServer(t, {}, new MovedClock());
    const { environment } = await addActor(server, 'contributor');
    const jobId = await submit(server, { job_priority: 0 });
    const show = async (...more: string[]) => runQueuepass(['job', 'show', jobId, ...more], { environment });
    const waiting = await show();
    t.is(waiting.status, 0, waiting.stderr);
    t.regex(
      waiting.stdout,
      new RegExp(
        `^job +${jobId}\nstate +waiting\njobs before it +0\nqueue +q1\npriority +0\ncreated +\\S+Z\n$`,
      ),
    );
    await startJob(server, 'agent-1', jobId);
    const held = await show();
    t.regex(held.stdout, /\nstate +test\n(.*\n)*attempt +1\nholder +agent-1\nlease until +\S+Z\n$/);
    await passTime(server, 901);
    const lost = await show();
    t.regex(lost.stdout, /\nstate +waiting\n/);
    t.regex(lost.stdout, /\nattempt 1: agent-1 had it until \S+Z, in test: gave no sign of life\n$/);
    const json = JSON.parse((await show('--json')).stdout) as Record<string, unknown>;
    t.like(json, { job_id: jobId, job_state: 'waiting', job_queue: 'q1', lease: { attempt: 1 } });
    const [attempt] = json.attempts as Record<string, unknown>[];
    t.like(attempt, { attempt: 1, holder: 'agent-1', reason: 'lease_expired', job_state: 'test' });
  },
);

test.serial(
  'job list prints the jobs that have not ended, filters by queue, state and tag, and includes ended jobs on request',
  async (t) => {
    const server = await startServer(t);
    const { environment } = await addActor(server, 'contributor');
    const one = await submit(server, { tags: ['x'] });
    const two = await submit(server, { job_queue: 'q2' });
    const ended = await submit(server, { job_queue: 'q2', tags: ['x'] });
    const cancelled = await runQueuepass(['job', 'cancel', ended], { environment });
    t.deepEqual([cancelled.status, cancelled.stdout], [0, `Cancelled the job ${ended}\n`]);
    const list = async (...words: string[]) => {
      const run = await runQueuepass(['job', 'list', ...words], { environment });
      t.is(run.status, 0, run.stderr);
      const [head, ...rows] = run.stdout.trim().split('\n');
      t.regex(head ?? '', /^JOB +STATE +CREATED$/);
      return rows.map((row) => row.split(/ +/)[0]);
    };
    t.deepEqual(await list(), [one, two]);
    t.deepEqual(await list('--all'), [one, two, ended]);
    t.deepEqual(await list('--queue', 'q2'), [two]);
    t.deepEqual(await list('--queue', 'q2', '--all'), [two, ended]);
    t.deepEqual(await list('--state', 'cancelled', 'test'), [ended]);
    t.deepEqual(await list('--tag', 'x', '--all', '--queue', 'q2'), [ended]);
    t.deepEqual(await list('--queue', 'none'), []);
  },
);

test.serial('a request that fails is reported with the next step', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'contributor');
  for (const id of ['6d0c1f5e-8f2a-4c46-9a53-0a2b1f6f3f11', 'no-id']) {
    const run = await runQueuepass(['job', 'show', id], { environment });
    t.is(run.status, 1);
    t.is(run.stderr, `queuepass: no job has the id ${id} (queuepass job list)\n`);
  }
  const jobId = await submit(server);
  await runQueuepass(['job', 'cancel', jobId], { environment });
  const again = await runQueuepass(['job', 'cancel', jobId], { environment });
  t.is(again.status, 1);
  t.regex(again.stderr, new RegExp(`already completed or cancelled \\(queuepass job show ${jobId}\\)\n$`));
  const wrong = await runQueuepass(['job', 'list', '--state', 'nonsense'], { environment });
  t.is(wrong.status, 1);
  t.regex(wrong.stderr, /Must be one of/);
});
