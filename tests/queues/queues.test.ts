import { randomUUID } from 'node:crypto';
import test from 'ava';
import { jsonBody } from '../support/clients.js';
import { agentHeaders, claim, submit } from '../support/jobs.js';
import { startServer } from '../support/start-server.js';

test.serial(
  'the agents of a queue are listed by name, with exactly the fields that they posted',
  async (t) => {
    const server = await startServer(t);
    const postData = (name: string, body: object) =>
      server.request(`/v1/agents/data/${name}`, jsonBody(body, agentHeaders(server)));
    const whole = {
      state: 'test',
      queues: ['a.b', 'q2'],
      location: 'lab',
      provision_type: 'maas',
      job_id: 'j',
      comment: 'c',
    };
    await postData('z', { ...whole, identifier: 'secret', log: ['line'] });
    await postData('y', { queues: ['a.b'] });
    await postData('x', { queues: ['q2'] });
    const response = await server.request('/v1/queues/a.b/agents');
    t.is(response.status, 200);
    t.deepEqual(await response.json(), [
      { name: 'y', queues: ['a.b'] },
      { name: 'z', ...whole },
    ]);
    const nobody = await server.request("/v1/queues/it's%20not/agents");
    t.deepEqual(
      [nobody.status, await nobody.json()],
      [404, { message: "Queue 'it's not' does not exist.", detail: {} }],
    );
  },
);

test.serial(
  'the jobs of a queue are listed in all states, oldest first, and an empty queue gets 204',
  async (t) => {
    const server = await startServer(t);
    const first = await submit(server);
    await submit(server, { job_queue: 'other' });
    const second = await submit(server);
    await claim(server);
    const response = await server.request('/v1/queues/q1/jobs');
    const jobs = (await response.json()) as { created_at: string }[];
    t.deepEqual(
      jobs.map(({ created_at, ...job }) => [job, Number.isFinite(Date.parse(created_at))] as const),
      [
        [{ job_id: first, job_state: 'running', job_queue: 'q1' }, true],
        [{ job_id: second, job_state: 'waiting', job_queue: 'q1' }, true],
      ] as never,
    );
    const none = await server.request('/v1/queues/empty/jobs');
    t.deepEqual([none.status, await none.text()], [204, '']);
  },
);

test.serial(
  'a long list of jobs is streamed completely, from its index and without a sort in memory',
  async (t) => {
    const server = await startServer(t, { newDatabase: true });
    const { jobs } = server.deps.collections;
    const made = Array.from({ length: 3000 }, (_, i) => ({
      job_id: randomUUID(),
      live: true as const,
      created_at: new Date(i * 1000),
      job_priority: 0,
      job_data: { job_queue: i % 2 ? 'long' : 'other' },
      result_data: { job_state: 'complete' },
    }));
    await jobs.insertMany(made);
    const response = await server.request('/v1/queues/long/jobs');
    t.is(response.headers.get('content-length'), null);
    t.is(response.headers.get('content-type'), 'application/json');
    const listed = (await response.json()) as { job_id: string; created_at: string }[];
    const expected = made.filter((job) => job.job_data.job_queue === 'long');
    t.deepEqual(
      listed.map(({ job_id }) => job_id),
      expected.map(({ job_id }) => job_id),
    );
    t.is(listed[0]?.created_at, '1970-01-01T00:00:01Z');
    const explained = await jobs
      .find({ 'job_data.job_queue': 'long' } as object, { sort: { _id: 1 } })
      .explain('executionStats');
    const plan = JSON.stringify((explained.queryPlanner as { winningPlan: object }).winningPlan);
    t.regex(plan, /"indexName":"qp_queue_jobs"/);
    t.notRegex(plan, /"SORT"|COLLSCAN/);
    t.is((explained.executionStats as { totalDocsExamined: number }).totalDocsExamined, 1500);
  },
);

test.serial('agents cannot read queues', async (t) => {
  const server = await startServer(t);
  for (const path of ['wait_times', 'q/agents', 'q/jobs']) {
    const response = await server.request(`/v1/queues/${path}`, { headers: agentHeaders(server) });
    t.deepEqual(
      [response.status, await response.json()],
      [403, { message: 'Specified action requires role: admin, manager, contributor', detail: {} }],
    );
  }
});
