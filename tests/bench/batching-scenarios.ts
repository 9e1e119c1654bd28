import { randomUUID } from 'node:crypto';
import { measure } from './load.js';
import { send, type Target } from './processes.js';
import { type Scenario, submitBody } from './scenarios.js';
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

const json = { 'content-type': 'application/json' };
const agentOf = ({ agent }: Setting, caller: number) => ({
  ...agent,
  ...json,
  cookie: `agent_name=agent-${caller}`,
});
const logText = `${'2026-01-01T00:00:00Z INFO step 17 of 42: fetching an image (ok)\n'.repeat(16)}`.slice(
  -1024,
);
let fragments = 0;

/** Routes whose reads and writes are batched, each as a caller uses it. */
const kinds: Record<string, (server: Target, setting: Setting, caller: number) => Promise<unknown>> = {
  submit: (server, { submitter }) => send(server, 'POST', '/v1/job', submitter, submitBody),
  'log post of 1 KB': (server, setting, caller) => {
    const piece = {
      fragment_number: fragments++,
      timestamp: new Date(),
      phase: 'test',
      log_data: logText,
    };
    const path = `/v1/result/${heldJobs[caller]}/log/output`;
    return send(server, 'POST', path, agentOf(setting, caller), JSON.stringify(piece));
  },
  'result post of the holder': (server, setting, caller) =>
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
  'seed token, bcrypt key again': (server, { secret }) =>
    send(server, 'GET', '/v1/authenticate/token/bcrypt-0', { 'client-key': secret }),
  'seed token, server-made key': (server, { madeKey }) =>
    send(server, 'GET', '/v1/authenticate/token/made-0', { 'client-key': madeKey }),
  'oauth2 token, bcrypt key again': (server, { secret }) => askToken(server, `bcrypt-0:${secret}`),
  'oauth2 token, server-made key': (server, { madeKey }) => askToken(server, `made-0:${madeKey}`),
};

function askToken(server: Target, credentials: string): Promise<unknown> {
  const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
  const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' };
  return send(server, 'POST', '/v1/oauth2/token', headers, 'grant_type=client_credentials');
}

function row(kind: string, callers: number, isOff: boolean): Scenario {
  const named = `${kind}, ${callers} callers`;
  const request = kinds[kind] as (typeof kinds)[string];
  return {
    name: isOff ? `${named}, batching off` : named,
    against: isOff ? [] : [`bare insertOne, ${callers} callers`, `${named}, batching off`],
    async run(setting, quick) {
      await storeHeldJobs(setting);
      const server = isOff ? setting.unbatched : setting.server;
      await request(server, setting, 0);
      return measure({ callers, seconds: quick ? 1 : 2 }, async (n) => {
        await request(server, setting, n % callers);
      });
    },
  };
}

/** What batching gains: each route with it and without it. */
export const batchingScenarios: readonly Scenario[] = [16, 64].flatMap((callers) =>
  Object.keys(kinds).flatMap((kind) => [row(kind, callers, true), row(kind, callers, false)]),
);
