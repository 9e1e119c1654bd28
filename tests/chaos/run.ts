/*
 * The chaos run: `npx tsx tests/chaos/run.ts [--seed N] [--jobs 1000] [--agents 20] [--servers 3] [--minutes 10]
 * [--leases off] [--without agentKills,stepDowns] [--cuts 0.01]`. Submitters send jobs of all kinds to servers on a
 * three-node replica set. Agents that behave like stock agents run the jobs, while agents, servers and the primary are
 * killed and connections are cut. At the end the run checks that no job was lost, that no two agents held a job at once,
 * and that no job has output from two attempts mixed.
 *
 * The seed decides the jobs, the times, kinds and targets of the faults, and which requests are cut. The timing of
 * processes and sockets varies, so a repeated run has the same schedule but not the same sequence of calls. It usually
 * shows the same problem again soon.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { buildServer } from '../support/build-server.js';
import { type FaultPlan, faultKinds } from './faults.js';
import { runChaos } from './run-chaos.js';

buildServer();
const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    seed: text,
    jobs: { ...text, default: '1000' },
    agents: { ...text, default: '20' },
    servers: { ...text, default: '3' },
    minutes: { ...text, default: '10' },
    cuts: { ...text, default: '0.01' },
    leases: { ...text, default: 'on' },
    'lease-seconds': { ...text, default: '3' },
    attempts: { ...text, default: '2' },
    pace: { ...text, default: '1' },
    without: { ...text, default: '' },
  },
});

const everyMs = {
  agentKills: 2500,
  agentStops: 5000,
  serverKills: 12_000,
  primaryKills: 30_000,
  stepDowns: 40_000,
};
const without = values.without.split(',');
const faults = Object.fromEntries(
  faultKinds.map((kind) => [
    kind,
    { everyMs: everyMs[kind], atMost: without.includes(kind) ? 0 : Number.POSITIVE_INFINITY },
  ]),
) as FaultPlan;

const teardowns: (() => unknown)[] = [];
const endAll = async () => {
  for (let task = teardowns.pop(); task !== undefined; task = teardowns.pop()) await task();
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void endAll().finally(() => process.exit(130)));
}

try {
  const { text: outcome, problems } = await runChaos(
    { teardown: (task: () => unknown) => void teardowns.push(task) },
    {
      seed: Number(values.seed ?? randomInt(2 ** 31)),
      jobs: Number(values.jobs),
      agents: Number(values.agents),
      servers: Number(values.servers),
      gapMs: 400,
      pace: Number(values.pace),
      cuts: Number(values.cuts),
      faults,
      leases: values.leases !== 'off',
      leaseSeconds: Number(values['lease-seconds']),
      attempts: Number(values.attempts),
      faultPhaseMs: Number(values.minutes) * 60_000,
      drainMs: 60_000,
      report: (line) => console.log(line),
    },
  );
  console.log(outcome);
  console.log(problems.length === 0 ? 'no problems' : `${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  await endAll();
}
// Timers of abandoned actors would keep the process running.
process.exit();
