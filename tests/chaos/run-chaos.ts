import type { Owner } from '../support/server-process.js';
import { checkAll } from './checks.js';
import { type Facts, gatherFacts } from './facts.js';
import type { Problem } from './records.js';
import { presentProblems, presentSummary } from './report.js';
import { type ChaosOptions, ChaosWorld } from './world.js';

/** The outcome of a run. */
export interface ChaosOutcome {
  world: ChaosWorld;
  facts: Facts;
  problems: Problem[];
  /** The counts and, if there are problems, the details. */
  text: string;
}

/** Does one run. Reports the seed before anything can fail, then progress. Returns all problems. */
export async function runChaos(owner: Owner, options: ChaosOptions): Promise<ChaosOutcome> {
  const { report } = options;
  report(`chaos with seed ${options.seed}`);
  const world = await ChaosWorld.start(owner, options);
  const progressTimer = setInterval(() => report(presentProgress(world)), 5000);
  try {
    await world.run();
  } finally {
    clearInterval(progressTimer);
  }
  const facts = await gatherFacts(world);
  const errors = [...world.serverErrors, ...(world.faults?.failed ?? [])].map((text) => ({
    jobId: undefined,
    text,
  }));
  const problems = [...world.unexpected, ...errors, ...checkAll(facts)];
  const summary = presentSummary(world, facts);
  const text = problems.length === 0 ? summary : `${summary}\n${presentProblems(world, facts, problems)}`;
  return { world, facts, problems, text };
}

function presentProgress({ now, submissions, claims, tries, proxy, faults }: ChaosWorld): string {
  const cuts = Object.values(proxy.cuts).reduce((one, other) => one + other, 0);
  const done = Object.entries(faults?.done ?? {}).map(([kind, n]) => `${kind} ${n}`);
  const acknowledged = submissions.filter(({ acknowledgedAt }) => acknowledgedAt !== undefined).length;
  const seconds = Math.round(now() / 1000);
  return `${seconds} s: ${acknowledged} submits, ${claims.length} claims, ${tries} tries, ${cuts} cuts, ${done.join(', ')}`;
}
