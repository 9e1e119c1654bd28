import { randomUUID } from 'node:crypto';
import { measure } from './load.js';
import { send, type Target } from './processes.js';
import { json, type Scenario, timed } from './scenario.js';
import { makeStoredJob, type Setting } from './setting.js';

/** Jobs that an agent of its own holds each, as many as there are callers; stored at their first use. */
const mostCallers = 64;
const heldJobs = Array.from({ length: mostCallers }, () => randomUUID());
let stored: Promise<unknown> | undefined;
function storeHeldJobs({ db }: Setting): Promise<unknown> {
  const until = new Date(Date.now() + 900_000);
  const jobs = heldJobs.map((job_id, n) => ({
    ...makeStoredJob('held'),
    job_id,
    lease: { holder: `agent-${n}`, attempt: 1, until },
    result_data: { job_state: 'test' },
  }));
  return (stored ??= db.collection('jobs').insertMany(jobs));
}

const agentOf = ({ agent }: Setting, caller: number) => ({
  ...agent,
  ...json,
  cookie: `agent_name=agent-${caller}`,
});

/** A log as commands print it, 1 KB. */
export const logText =
  '2026-01-01T00:00:00Z INFO step 17 of 42: fetching https://images.example/noble.img (ok)\n'
    .repeat(12)
    .slice(0, 1023)
    .concat('\n');
let fragments = 0;

/** One more piece of a log. */
export const nextFragment = () => ({
  fragment_number: fragments++,
  timestamp: new Date(),
  phase: 'test',
  log_data: logText,
});

/** A job as a script submits it. */
const submitBody = JSON.stringify({
  job_queue: 'submits',
  job_priority: 5,
  test_data: { test_cmds: 'true' },
});

type Request = (server: Target, setting: Setting, caller: number) => Promise<unknown>;

/** Routes whose writes are batched, each as a caller uses it. */
const kinds: Record<string, Request> = {
  submit: (server, { submitter }) => send(server, 'POST', '/v1/job', submitter, submitBody),
  'log post of 1 KB': (server, setting, caller) =>
    send(
      server,
      'POST',
      `/v1/result/${heldJobs[caller]}/log/output`,
      agentOf(setting, caller),
      JSON.stringify(nextFragment()),
    ),
  'result post': (server, setting, caller) =>
    send(
      server,
      'POST',
      `/v1/result/${heldJobs[caller]}`,
      agentOf(setting, caller),
      '{"status":{"setup":0},"job_state":"test"}',
    ),
  heartbeat: (server, setting, caller) =>
    send(
      server,
      'POST',
      `/v1/agents/data/agent-${caller}`,
      agentOf(setting, caller),
      '{"state":"waiting","queues":["q1"]}',
    ),
};

/** The routes of this file. */
export const batchedRoutes: readonly string[] = Object.keys(kinds);

/** The name of a row of a batched route. */
export const batchedRow = (kind: string, callers: number, isOff = false): string =>
  `${kind}, ${callers} ${callers === 1 ? 'caller' : 'callers'}${isOff ? ', batching off' : ''}`;

/** The request of a batched route, with the jobs stored that it is about. */
export async function batchedRequest(setting: Setting, kind: string): Promise<Request> {
  await storeHeldJobs(setting);
  return kinds[kind] as Request;
}

function row(kind: string, callers: number, isOff: boolean): Scenario {
  return {
    name: batchedRow(kind, callers, isOff),
    against: isOff
      ? []
      : [`bare insertOne, ${callers} callers`, ...(callers === 16 ? [batchedRow(kind, 16, true)] : [])],
    async run(setting, quick) {
      const request = await batchedRequest(setting, kind);
      const server = isOff ? setting.unbatched : setting.server;
      await request(server, setting, 0);
      return measure(timed(callers, quick), async (n) => {
        await request(server, setting, n % callers);
      });
    },
  };
}

/** Each route alone, with few and with many callers, and what batching gains. */
export const batchingScenarios: readonly Scenario[] = [
  row('submit', 1, false),
  ...batchedRoutes.flatMap((kind) => [row(kind, 16, true), row(kind, 16, false), row(kind, 64, false)]),
];
