import type { JobRecord } from '../job/job-record.js';
import { type ClaimDeps, claimOrder, filterClaimable, filterWaiting, maxMergedQueues } from './claim-one.js';
import type { Claimer, WaitingJob } from './claimer.js';
import { comparePriority } from './compare-priority.js';
import type { Contention } from './contention.js';
import { findHeads } from './queue-heads.js';

/** The jobs that claimers may take now. */
export interface Choices {
  /** Each job is chosen for one claimer. */
  chosen: Map<Claimer, WaitingJob>;
  /** Claimers for whom this round could not decide; for all others without a job there is none. */
  undecided: Claimer[];
}

/** Claimers that wait for the same queues. */
interface Group {
  queues: readonly string[];
  claimers: Claimer[];
}

/** The first jobs of a group's queues. */
interface Candidates {
  jobs: readonly WaitingJob[];
  /** No further job waits in these queues. */
  areAll: boolean;
}

/** A job that may be chosen, and its `_id` in hex. */
interface Candidate {
  job: WaitingJob;
  id: string;
}

/** Maximum number of groups that are looked up one by one. Among more groups, those without any job are removed first. */
const maxSingleLookups = 4;

/**
 * Chooses for each claimer, in their order, the first job that it may take and that was not chosen for an earlier one;
 * nothing is taken yet. Claimers of the same queues share one query. With many sets of queues, one query first finds which
 * queues have any job, and further ones read the sets that need more than their first job.
 */
export async function chooseJobs(
  deps: ClaimDeps,
  claimers: readonly Claimer[],
  contention: Contention,
): Promise<Choices> {
  const groups = groupByQueues(claimers);
  const heads =
    groups.length > maxSingleLookups
      ? await findHeads(
          deps,
          groups.flatMap(({ queues }) => queues),
        )
      : undefined;
  const found = new Map<Claimer, Candidates>();
  // Read at the same time as the jobs, so that other processes choose little between the two.
  const elsewhere = contention.read();
  await Promise.all([
    elsewhere,
    ...groups.map(async (group) => {
      const candidates =
        (heads && readHeads(heads, group)) ?? (await findCandidates(deps, group, contention.extraCandidates));
      for (const claimer of group.claimers) found.set(claimer, candidates);
    }),
  ]);
  return assign(claimers, found, await elsewhere);
}

function groupByQueues(claimers: readonly Claimer[]): Group[] {
  const groups = new Map<string, Group>();
  for (const claimer of claimers) {
    const queues = [...new Set(claimer.queues)].sort();
    const key = JSON.stringify(queues);
    const group = groups.get(key) ?? { queues, claimers: [] };
    group.claimers.push(claimer);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** The candidates of a group, as far as the first jobs of its queues decide; `undefined` when the group must be looked up. */
function readHeads(heads: Map<string, WaitingJob>, { queues, claimers }: Group): Candidates | undefined {
  const jobs = queues.map((queue) => heads.get(queue)).filter((job) => job !== undefined);
  const [first] = jobs.sort(compareClaimOrder);
  if (first === undefined) return { jobs: [], areAll: true };
  const [claimer, ...others] = claimers as [Claimer, ...Claimer[]];
  // Behind the first job of a queue there may be better ones than the first job of another.
  if (others.length > 0 || !isReady(first) || !mayTake(first, claimer.agent)) return undefined;
  return { jobs: [first], areAll: false };
}

/** Reads as many jobs as there are claimers, plus those that other processes are about to take. Many queues are read in parts, since MongoDB would sort them in memory. */
async function findCandidates(
  { collections, claimHints }: ClaimDeps,
  { queues, claimers }: Group,
  spare: number,
): Promise<Candidates> {
  const { agent } = claimers[0] as Claimer;
  const isOneAgent = claimers.every((claimer) => claimer.agent === agent);
  const limit = claimers.length + spare;
  const parts = Array.from({ length: Math.ceil(queues.length / maxMergedQueues) }, (_, i) =>
    queues.slice(i * maxMergedQueues, (i + 1) * maxMergedQueues),
  );
  const lists = await Promise.all(
    parts.map((part) => {
      const filter = isOneAgent ? filterClaimable({ queues: part, agent }) : filterWaiting(part);
      return claimHints.claimable.use((hint) =>
        collections.jobs.find(filter, { sort: claimOrder, limit, ...hint }).toArray(),
      );
    }),
  );
  const jobs = lists.flat();
  if (parts.length > 1) jobs.sort(compareClaimOrder);
  return {
    jobs: jobs.slice(0, limit),
    areAll: lists.every((list) => list.length < limit) && jobs.length <= limit,
  };
}

function assign(
  claimers: readonly Claimer[],
  found: Map<Claimer, Candidates>,
  elsewhere: ReadonlySet<string>,
): Choices {
  const chosen = new Map<Claimer, WaitingJob>();
  const undecided: Claimer[] = [];
  const taken = new Set<string>();
  const lists = new Map<Candidates, Candidate[]>();
  for (const claimer of claimers) {
    const candidates = found.get(claimer) as Candidates;
    const left = lists.get(candidates) ?? listFree(candidates, elsewhere);
    lists.set(candidates, left);
    const at = left.findIndex(({ job, id }) => !taken.has(id) && mayTake(job, claimer.agent));
    // Removed, since otherwise each of a thousand claimers would pass over all jobs of those before it.
    const [own] = at < 0 ? [] : left.splice(at, 1);
    if (own !== undefined) {
      chosen.set(claimer, own.job);
      taken.add(own.id);
    } else if (!candidates.areAll || holdsAny(candidates, elsewhere)) undecided.push(claimer);
  }
  return { chosen, undecided };
}

function listFree({ jobs }: Candidates, elsewhere: ReadonlySet<string>): Candidate[] {
  return jobs.map((job) => ({ job, id: job._id.toHexString() })).filter(({ id }) => !elsewhere.has(id));
}

function holdsAny({ jobs }: Candidates, ids: ReadonlySet<string>): boolean {
  return ids.size > 0 && jobs.some(({ _id }) => ids.has(_id.toHexString()));
}

/** The condition of `filterClaimable` about the agent. */
function mayTake(
  { job_data: { exclude_agents: excluded }, lost_holders: lost }: JobRecord,
  agent: string,
): boolean {
  return !holds(excluded, agent) && !holds(lost, agent);
}

function holds(stored: unknown, agent: string): boolean {
  return Array.isArray(stored) ? stored.includes(agent) : stored === agent;
}

/** The condition of `filterWaiting` that the first job of a queue may not meet. */
function isReady({ job_data: { attachments_status: status }, superseded }: JobRecord): boolean {
  return status !== 'waiting' && superseded !== true;
}

/** Compares two jobs by `claimOrder`. */
function compareClaimOrder(one: WaitingJob, other: WaitingJob): number {
  return (
    comparePriority(other.job_priority, one.job_priority) ||
    one.created_at.getTime() - other.created_at.getTime() ||
    (one._id.toHexString() < other._id.toHexString() ? -1 : 1)
  );
}
