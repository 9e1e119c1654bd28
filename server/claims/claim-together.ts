import { chooseJobs, type WaitingJob } from './choose-jobs.js';
import { type ClaimDeps, type Claimer, claimOne, mostMergedQueues } from './claim-one.js';
import { noRivals, type Rivals } from './contention.js';
import { takeJobs } from './take-jobs.js';

/** What became of one claim: its job, none, or why it is not known. */
export type ClaimOutcome = WaitingJob | undefined | Error;

/** Rounds that served nobody after which those who still lose their jobs to other processes go each by itself. */
const mostRoundsInVain = 3;

/**
 * Serves claims that wait at the same moment, in strict order: one alone by one statement, several by one look at what
 * waits and one command that takes all of it. Never takes a job for one of them because another one's failed.
 */
export async function claimTogether(deps: ClaimDeps, claimers: readonly Claimer[]): Promise<ClaimOutcome[]> {
  const outcomes = new Map<Claimer, ClaimOutcome>();
  // Those that have gone while they waited for their turn take nothing.
  let open = claimers.filter(({ isGone }) => !isGone?.());
  deps.claimsUnderWay.noteClaims(claimers.length);
  const { mostAlone } = deps.claimsUnderWay;
  try {
    for (let inVain = 0; open.length > mostAlone && inVain < mostRoundsInVain; ) {
      const left = await claimRound(deps, open, outcomes);
      inVain = left.length < open.length ? 0 : inVain + 1;
      open = left;
    }
  } catch (error) {
    for (const claimer of open) if (!outcomes.has(claimer)) outcomes.set(claimer, error as Error);
    open = [];
  }
  await Promise.all(open.map(async (claimer) => outcomes.set(claimer, await claimAlone(deps, claimer))));
  return claimers.map((claimer) => outcomes.get(claimer));
}

/** Those for whom it has to be tried again. */
async function claimRound(
  deps: ClaimDeps,
  open: readonly Claimer[],
  outcomes: Map<Claimer, ClaimOutcome>,
  rivals: Rivals = deps.claimsUnderWay,
): Promise<Claimer[]> {
  const { chosen, undecided } = await chooseJobs(deps, open, rivals);
  const elsewhere = await rivals.tell([...chosen.values()].map(({ _id }) => _id));
  const free = [...chosen].filter(([, { _id }]) => !elsewhere.has(_id.toHexString()));
  const taken = await takeJobs(deps, new Map(free));
  if (taken.size < free.length) deps.claimsUnderWay.tellConflict();
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
    if (new Set(claimer.queues).size <= mostMergedQueues) return await claimOne(deps, claimer);
    const outcomes = new Map<Claimer, ClaimOutcome>();
    // Each round that takes nothing is one in which another claim took the job.
    while ((await claimRound(deps, [claimer], outcomes, noRivals)).length > 0);
    return outcomes.get(claimer);
  } catch (error) {
    return error as Error;
  }
}
