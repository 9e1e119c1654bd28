import test from 'ava';
import { runChaos } from './run-chaos.js';

/** The seeds of this test. `npx tsx tests/chaos/run.ts` tries others; add the seed of a failure here. */
const seeds = process.env.CHAOS_SEED?.split(',').map(Number) ?? [1];

const often = { everyMs: 4000, atMost: 2 };
const stops = { everyMs: 2500, atMost: 4 };
const faults = {
  agentKills: often,
  agentStops: stops,
  serverKills: often,
  primaryKills: often,
  stepDowns: often,
};
const once = { everyMs: 4000, atMost: 1 };

for (const seed of seeds) {
  test.serial(`no job is lost, held by two agents or mixed during faults with seed ${seed}`, async (t) => {
    t.timeout(240_000);
    const { problems, text, world, facts } = await runChaos(t, {
      ...{ seed, jobs: 60, agents: 6, servers: 2, gapMs: 250, pace: 0.3, cuts: 0.01 },
      faults: { ...faults, serverKills: once, primaryKills: once, stepDowns: { ...once, atMost: 0 } },
      ...{ leases: true, leaseSeconds: 3, attempts: 2 },
      ...{ faultPhaseMs: 60_000, drainMs: 40_000 },
      report: (line) => t.log(line),
    });
    t.log(text);
    t.deepEqual(problems, [], text);
    const { done } = world.faults ?? {};
    t.true(
      facts.jobs.some(({ job }) => (job.attempts?.length ?? 0) > 0),
      'agents lost leases',
    );
    t.true((done?.agentKills ?? 0) > 0 && (done?.serverKills ?? 0) > 0 && (done?.primaryKills ?? 0) > 0);
  });
}
