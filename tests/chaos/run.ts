/*
 * The chaos run: `npx tsx tests/chaos/run.ts [--seed N] [--jobs 1000] [--agents 20] [--servers 3] [--minutes 10]
 * [--leases off] [--without agentKills,stepDowns] [--cuts 0.01]`. Jobs of all sorts are submitted to servers on a
 * three-node replica set and run by agents that act like stock ones, while agents, servers and the primary are killed
 * and connections cut. At the end no job may be lost, held by two at once, or have output of two attempts mixed.
 *
 * The seed decides the jobs, the times, kinds and targets of the faults and which requests are cut. Processes and
 * sockets keep their own time, so that a run is not repeated call by call: the schedule is, and what it provokes
 * comes again soon.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { buildServer } from '../support/build-server.js';
import { faultKinds, type FaultPlan } from './faults.js';
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
  const { text: told, problems } = await runChaos(
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
      stormMs: Number(values.minutes) * 60_000,
      drainMs: 60_000,
      report: (line) => console.log(line),
    },
  );
  console.log(told);
  console.log(problems.length === 0 ? 'nothing is wrong' : `${problems.length} things are wrong`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  await endAll();
}
// Timers of actors that were given up would hold the process.
process.exit();
