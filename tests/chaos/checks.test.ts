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

/** A claim whose response arrived at `answeredAt`. */
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

/** Sets the logs and the result that the server returns for the stored fragments. */
function serve(job: JobFacts): void {
  const texts = job.fragments.map(({ log_data }) => log_data).join('');
  job.logs = {
    output: { test: { last_fragment_number: job.fragments.at(-1)?.fragment_number ?? -1, log_data: texts } },
    serial: {},
  };
  job.result.test_output = texts;
}

/** A job without problems, which agent-1 lost after two lines and agent-2 completed. */
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

test('a job that one agent lost and another completed has no problems', (t) => {
  t.deepEqual(checkAll(makeFacts().facts), []);
});

test('a job that the server gave up, a job that its first agent completed after all, and a cancelled job have no problems', (t) => {
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

const faultyCases: Record<string, { corrupt: (given: Case) => void; message: RegExp }> = {
  'an acknowledged job that is missing': {
    corrupt: ({ facts }) => void facts.jobs.pop(),
    message: /is there 0 times/,
  },
  'a job that was created twice': {
    corrupt: ({ facts, job }) => void facts.jobs.push({ ...job, job: { ...job.job, job_id: 'another' } }),
    message: /was made 2 times/,
  },
  'a job that is still running at the end': {
    corrupt: ({ job }) => void (job.job.result_data.job_state = job.result.job_state = 'test'),
    message: /left in state test, held by agent-2/,
  },
  'a write that was accepted after another agent claimed the job': {
    corrupt: ({ first }) => void write(first, 205, 'output', { fragment_number: 1 }),
    message: /agent-1 .* was taken, and agent-2/,
  },
  'two claims with one attempt number': {
    corrupt: ({ job }) => void (job.job.lease = { holder: 'agent-2', attempt: 1 }),
    message: /attempt 1 had several holders[^]*2 claims, and the last attempt is 1/,
  },
  'a closed attempt that holds the statuses of another': {
    corrupt: ({ job }) =>
      void (job.job.attempts = [{ attempt: 1, holder: 'agent-1', status: { test: 1002 } }]),
    message: /kept of attempt 1 is not all its own/,
  },
  'statuses of two attempts': {
    corrupt: ({ job }) => void (job.result.provision_status = 1001),
    message: /mixed of claim-1001 and claim-1002/,
  },
  'the device of another attempt': {
    corrupt: ({ job }) => void (job.result.device_info = { attempt: 'claim-1001' }),
    message: /mixed of claim-1001 and claim-1002/,
  },
  'an acknowledged outcome that is not the stored one': {
    corrupt: ({ job }) =>
      void (job.result = { job_state: 'complete', test_status: 75, test_output: job.result.test_output }),
    message: /acknowledged outcome of claim-1002 is not/,
  },
  'statuses that nobody sent as an outcome': {
    corrupt: ({ job }) => void (job.result.provision_status = 1002),
    message: /no outcome that claim-1002 sent/,
  },
  'a job that was given up before its last attempt': {
    corrupt: ({ job, facts }) => {
      job.result.test_status = 75;
      facts.attempts = 3;
    },
    message: /given up after attempt 2 of 3/,
  },
  'the artifact of another attempt': {
    corrupt: ({ job, first }) => void (job.artifact = makeArtifact(first)),
    message: /artifact is of claim-1001, the result of claim-1002/,
  },
  'an acknowledged artifact that is missing': {
    corrupt: ({ job }) => void (job.artifact = undefined),
    message: /acknowledged artifact of claim-1002 is missing/,
  },
  'a line of the first attempt after those of the second': {
    corrupt: ({ job, first, second }) =>
      void (job.fragments = makeFragments([
        [1, makeLine(first, 0)],
        [1, lostText],
        [2, makeLine(second, 0)],
        [1, makeLine(first, 1)],
        [2, makeLine(second, 1)],
      ])),
    message: /lines of claim-1002 come again after those of claim-1001/,
  },
  'two attempts without a line about the loss': {
    corrupt: ({ job }) => void job.fragments.splice(2, 1),
    message: /follow without a line about the loss/,
  },
  'an acknowledged line that is missing': {
    corrupt: ({ job }) => void job.fragments.splice(4, 1),
    message: /acknowledged line is missing: .* claim-1002 1/,
  },
  'a line that is stored twice': {
    corrupt: ({ job, second }) => void job.fragments.push(...makeFragments([[2, makeLine(second, 1)]])),
    message: /line 1 of claim-1002 comes after its line 1/,
  },
  'a line that is stored with the attempt number of another claim': {
    corrupt: ({ job }) => void ((job.fragments[4] as StoredFragment).attempt = 1),
    message: /claim claim-1002 is stored with 2 and 1/,
  },
  'a log that is returned differently from how it is stored': {
    corrupt: ({ job }) => void (job.logs.output.test = { last_fragment_number: 4, log_data: '' }),
    message: /test is served otherwise/,
  },
};

for (const [name, { corrupt, message }] of Object.entries(faultyCases)) {
  test(`the checks report ${name}`, (t) => {
    const given = makeFacts();
    const { fragments } = given.job;
    const length = fragments.length;
    corrupt(given);
    if (given.job.fragments !== fragments || fragments.length !== length) serve(given.job);
    t.regex(texts(checkAll(given.facts)), message);
  });
}
