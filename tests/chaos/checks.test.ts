import test from 'ava';
import { checkAll } from './checks.js';
import type { Facts, JobFacts, StoredFragment } from './facts.js';
import {
  type CallRecord,
  type Claim,
  makeArtifact,
  makeLine,
  type Problem,
  type WriteRecord,
} from './records.js';

const jobId = '11111111-2222-4333-8444-555555555555';

/** A claim that the agent got at a time and that writes a line a second from then on. */
function makeClaim(agent: string, code: number, answeredAt: number): Claim {
  const id = `claim-${code}`;
  return {
    ...{ id, code, jobId, agent, job: { job_id: jobId }, askedAt: answeredAt, answeredAt },
    ...{ calls: [], writes: [], notes: [] },
  };
}

function write(
  claim: Claim,
  at: number,
  kind: WriteRecord['kind'],
  body: WriteRecord['body'] = {},
): CallRecord {
  const call = {
    sentAt: at,
    doneAt: at + 1,
    method: 'POST',
    path: kind,
    status: 200,
    outcome: 'accepted' as const,
  };
  claim.writes.push({ call, kind, body });
  return call;
}

const lostText = 'Queuepass: agent-1 was lost, attempt 1 of 2\n';

function makeFragments(texts: readonly [number, string][]): StoredFragment[] {
  return texts.map(([attempt, log_data], fragment_number) => ({
    ...{ job_id: jobId, log_type: 'output', phase: 'test', fragment_number, log_data, attempt },
    ...{ timestamp: new Date(0), updated_at: new Date(0) },
  }));
}

/** What is served of such logs and such a result. */
function serve(job: JobFacts): void {
  const texts = job.fragments.map(({ log_data }) => log_data).join('');
  job.logs = {
    output: { test: { last_fragment_number: job.fragments.at(-1)?.fragment_number ?? -1, log_data: texts } },
    serial: {},
  };
  job.result.test_output = texts;
}

/** A job that agent-1 lost after two lines and agent-2 completed, with nothing wrong. */
function makeFacts(): { facts: Facts; job: JobFacts; first: Claim; second: Claim } {
  const first = makeClaim('agent-1', 1001, 100);
  const second = makeClaim('agent-2', 1002, 200);
  for (const n of [0, 1]) write(first, 110 + n, 'output', { fragment_number: n });
  write(first, 250, 'result', { status: { test: 247 }, job_state: 'complete' }).outcome = 'discarded';
  for (const n of [0, 1]) write(second, 210 + n, 'output', { fragment_number: n });
  write(second, 220, 'artifact');
  write(second, 230, 'result', { status: { test: 1002 }, job_state: 'complete' });
  const submission = { tag: 'a', kind: 'key' as const, jobId, acknowledgedAt: 50, sends: 2 };
  const job: JobFacts = {
    job: {
      ...{ job_id: jobId, live: true, created_at: new Date(0), job_priority: 0 },
      job_data: { job_queue: 'q1', tags: ['a'] },
      result_data: { job_state: 'complete' },
      lease: { holder: 'agent-2', attempt: 2 },
      attempts: [{ attempt: 1, holder: 'agent-1' }],
    },
    submission,
    claims: [first, second],
    fragments: makeFragments([
      [1, makeLine(first, 0)],
      [1, makeLine(first, 1)],
      [1, lostText],
      [2, makeLine(second, 0)],
      [2, makeLine(second, 1)],
    ]),
    result: { job_state: 'complete', test_status: 1002, device_info: { attempt: second.id } },
    logs: { output: {}, serial: {} },
    artifact: makeArtifact(second),
  };
  serve(job);
  const facts = { jobs: [job], submissions: [submission], leases: true, attempts: 2 };
  return { facts, job, first, second };
}

type Case = ReturnType<typeof makeFacts>;
const texts = (problems: Problem[]) => problems.map(({ text }) => text).join('\n');

test('a job that was lost once and completed by another agent is right', (t) => {
  t.deepEqual(checkAll(makeFacts().facts), []);
});

test('so is one that the server gave up, one that came back to its agent, and one that was cancelled', (t) => {
  const givenUp = makeFacts();
  givenUp.job.result = { ...givenUp.job.result, test_status: 75 };
  givenUp.second.writes.pop();
  t.deepEqual(checkAll(givenUp.facts), []);

  const back = makeFacts();
  back.job.claims.pop();
  back.job.fragments = makeFragments([
    [1, makeLine(back.first, 0)],
    [1, lostText],
    [1, makeLine(back.first, 1)],
  ]);
  write(back.first, 270, 'result', { status: { test: 1001 }, job_state: 'complete' });
  back.job.result = { job_state: 'complete', test_status: 1001, device_info: { attempt: back.first.id } };
  back.job.artifact = undefined;
  back.job.job.lease = { holder: 'agent-1', attempt: 1 };
  serve(back.job);
  t.deepEqual(checkAll(back.facts), []);

  const cancelled = makeFacts();
  cancelled.second.writes.pop();
  cancelled.job.result = { job_state: 'cancelled', test_output: cancelled.job.result.test_output };
  cancelled.job.job.result_data.job_state = 'cancelled';
  t.regex(texts(checkAll(cancelled.facts)), /nobody asked for it/);
  if (cancelled.job.submission) cancelled.job.submission.cancelAskedAt = 10;
  t.deepEqual(checkAll(cancelled.facts), []);
});

const wrongs: Record<string, { spoil: (given: Case) => void; told: RegExp }> = {
  'an acknowledged job that is gone': {
    spoil: ({ facts }) => void facts.jobs.pop(),
    told: /is there 0 times/,
  },
  'a job that was made twice': {
    spoil: ({ facts, job }) => void facts.jobs.push({ ...job, job: { ...job.job, job_id: 'another' } }),
    told: /was made 2 times/,
  },
  'a job that is left running': {
    spoil: ({ job }) => void (job.job.result_data.job_state = job.result.job_state = 'test'),
    told: /left in state test, held by agent-2/,
  },
  'a write that was taken after another agent had the job': {
    spoil: ({ first }) => void write(first, 205, 'output', { fragment_number: 1 }),
    told: /agent-1 .* was taken, and agent-2/,
  },
  'two claims of one attempt': {
    spoil: ({ job }) => void (job.job.lease = { holder: 'agent-2', attempt: 1 }),
    told: /attempt 1 had several holders[^]*2 claims, and the last attempt is 1/,
  },
  'a closed attempt that holds the statuses of another': {
    spoil: ({ job }) => void (job.job.attempts = [{ attempt: 1, holder: 'agent-1', status: { test: 1002 } }]),
    told: /kept of attempt 1 is not all its own/,
  },
  'statuses of two attempts': {
    spoil: ({ job }) => void (job.result.provision_status = 1001),
    told: /mixed of claim-1001 and claim-1002/,
  },
  'the device of another attempt': {
    spoil: ({ job }) => void (job.result.device_info = { attempt: 'claim-1001' }),
    told: /mixed of claim-1001 and claim-1002/,
  },
  'an outcome that was acknowledged and does not stand': {
    spoil: ({ job }) =>
      void (job.result = { job_state: 'complete', test_status: 75, test_output: job.result.test_output }),
    told: /acknowledged outcome of claim-1002 is not/,
  },
  'statuses that nobody sent as an outcome': {
    spoil: ({ job }) => void (job.result.provision_status = 1002),
    told: /no outcome that claim-1002 sent/,
  },
  'a job that was given up before its last attempt': {
    spoil: ({ job, facts }) => {
      job.result.test_status = 75;
      facts.attempts = 3;
    },
    told: /given up after attempt 2 of 3/,
  },
  'the artifact of another attempt': {
    spoil: ({ job, first }) => void (job.artifact = makeArtifact(first)),
    told: /artifact is of claim-1001, the result of claim-1002/,
  },
  'an artifact that is gone': {
    spoil: ({ job }) => void (job.artifact = undefined),
    told: /acknowledged artifact of claim-1002 is missing/,
  },
  'a line of the first attempt after those of the second': {
    spoil: ({ job, first, second }) =>
      void (job.fragments = makeFragments([
        [1, makeLine(first, 0)],
        [1, lostText],
        [2, makeLine(second, 0)],
        [1, makeLine(first, 1)],
        [2, makeLine(second, 1)],
      ])),
    told: /lines of claim-1002 come again after those of claim-1001/,
  },
  'two attempts without a line about the loss': {
    spoil: ({ job }) => void job.fragments.splice(2, 1),
    told: /follow without a line about the loss/,
  },
  'a line that was acknowledged and is gone': {
    spoil: ({ job }) => void job.fragments.splice(4, 1),
    told: /acknowledged line is missing: .* claim-1002 1/,
  },
  'a line that is there twice': {
    spoil: ({ job, second }) => void job.fragments.push(...makeFragments([[2, makeLine(second, 1)]])),
    told: /line 1 of claim-1002 comes after its line 1/,
  },
  'a line that is stored with the attempt of another': {
    spoil: ({ job }) => void ((job.fragments[4] as StoredFragment).attempt = 1),
    told: /claim claim-1002 is stored with 2 and 1/,
  },
  'a log that is served otherwise than it is stored': {
    spoil: ({ job }) => void (job.logs.output.test = { last_fragment_number: 4, log_data: '' }),
    told: /test is served otherwise/,
  },
};

for (const [name, { spoil, told }] of Object.entries(wrongs)) {
  test(`it is told: ${name}`, (t) => {
    const given = makeFacts();
    const { fragments } = given.job;
    const length = fragments.length;
    spoil(given);
    if (given.job.fragments !== fragments || fragments.length !== length) serve(given.job);
    t.regex(texts(checkAll(given.facts)), told);
  });
}
