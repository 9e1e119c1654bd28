import { randomUUID } from 'node:crypto';
import { measure } from './load.js';
import { send, type Target } from './processes.js';
import { json, type Scenario, timed } from './scenario.js';
import { makeStoredJob, type Setting } from './setting.js';

/** One job for each caller, each held by its own agent. Stored at their first use. */
const maxCallers = 64;
const heldJobs = Array.from({ length: maxCallers }, () => randomUUID());
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

/** Typical log output of 1 KB. */
export const logText =
  '2026-01-01T00:00:00Z INFO step 17 of 42: fetching https://images.example/noble.img (ok)\n'
    .repeat(12)
    .slice(0, 1023)
    .concat('\n');
let fragments = 0;

/** The next log fragment. */
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

/** For each route with batched writes, the request of one caller. */
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

/** The names of these routes. */
export const batchedRoutes: readonly string[] = Object.keys(kinds);

/** The name of the row for a batched route. */
export const batchedRow = (kind: string, callers: number, isOff = false): string =>
  `${kind}, ${callers} ${callers === 1 ? 'caller' : 'callers'}${isOff ? ', batching off' : ''}`;

/** Stores the jobs that a batched route needs, and returns its request. */
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

/** Each route with few and with many callers, and without batching. */
export const batchingScenarios: readonly Scenario[] = [
  row('submit', 1, false),
  ...batchedRoutes.flatMap((kind) => [row(kind, 16, true), row(kind, 16, false), row(kind, 64, false)]),
];
