import { Batcher } from '../db/batcher.js';
import { chooseJobs } from './choose-jobs.js';
import { type ClaimDeps, claimOne, maxMergedQueues } from './claim-one.js';
import type { Claimer, WaitingJob } from './claimer.js';
import { type Contention, noContention } from './contention.js';
import { takeJobs } from './take-jobs.js';

/** The outcome of one claim: its job, none, or why the outcome is unknown. */
export type ClaimOutcome = WaitingJob | undefined | Error;

/** Rounds that served nobody, after which claims that still lose their jobs to other processes are each sent as a statement of its own. */
const maxLostRounds = 3;

/** The claims of a process: those of one moment are served together. */
export function createClaims(deps: ClaimDeps): Batcher<Claimer, WaitingJob | undefined> {
  return new Batcher({
    run: (claimers: readonly Claimer[]) => claimTogether(deps, claimers),
    // All claims that wait look at once when changes were missed.
    maxQueuedItems: 100_000,
    batchDelayMs: () => deps.contention.gatherMs,
  });
}

/**
 * Serves claims that wait at the same moment, in strict order: a lone claim with one statement, several with one look at
 * the waiting jobs and one command that takes them. A claim that fails does not make another one fail.
 */
export async function claimTogether(deps: ClaimDeps, claimers: readonly Claimer[]): Promise<ClaimOutcome[]> {
  const outcomes = new Map<Claimer, ClaimOutcome>();
  // A claim whose client has gone while it waited for its turn takes nothing.
  let open = claimers.filter(({ isGone }) => !isGone?.());
  deps.contention.noteClaims(claimers.length);
  const { maxIndividualClaims } = deps.contention;
  try {
    for (let lostRounds = 0; open.length > maxIndividualClaims && lostRounds < maxLostRounds; ) {
      const left = await claimRound(deps, open, outcomes);
      lostRounds = left.length < open.length ? 0 : lostRounds + 1;
      open = left;
    }
  } catch (error) {
    for (const claimer of open) if (!outcomes.has(claimer)) outcomes.set(claimer, error as Error);
    open = [];
  }
  await Promise.all(open.map(async (claimer) => outcomes.set(claimer, await claimAlone(deps, claimer))));
  return claimers.map((claimer) => outcomes.get(claimer));
}

/** Runs one round. @returns the claims that need another one */
async function claimRound(
  deps: ClaimDeps,
  open: readonly Claimer[],
  outcomes: Map<Claimer, ClaimOutcome>,
  contention: Contention = deps.contention,
): Promise<Claimer[]> {
  const { chosen, undecided } = await chooseJobs(deps, open, contention);
  const elsewhere = await contention.publish([...chosen.values()].map(({ _id }) => _id));
  const free = [...chosen].filter(([, { _id }]) => !elsewhere.has(_id.toHexString()));
  const taken = await takeJobs(deps, new Map(free));
  if (taken.size < free.length) deps.contention.noteConflict();
  const again = new Set(undecided);
  for (const claimer of open) {
    const job = taken.get(claimer);
    if (job === undefined && chosen.has(claimer)) again.add(claimer);
    else if (!again.has(claimer)) outcomes.set(claimer, job);
  }
  return open.filter((claimer) => again.has(claimer));
}

async function claimAlone(deps: ClaimDeps, claimer: Claimer): Promise<ClaimOutcome> {
  try {
    if (new Set(claimer.queues).size <= maxMergedQueues) return await claimOne(deps, claimer);
    const outcomes = new Map<Claimer, ClaimOutcome>();
    // A round that takes nothing is one in which another claim took the job.
    while ((await claimRound(deps, [claimer], outcomes, noContention)).length > 0);
    return outcomes.get(claimer);
  } catch (error) {
    return error as Error;
  }
}
