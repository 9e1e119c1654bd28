import type { JobRecord } from '../job/job-record.js';
import { type ClaimDeps, claimOrder, filterClaimable, filterWaiting, maxMergedQueues } from './claim-one.js';
import type { Claimer, WaitingJob } from './claimer.js';
import type { Contention } from './contention.js';
import { findHeads } from './queue-heads.js';

/** What claimers may take now. */
export interface Choices {
  /** No job for two of them. */
  chosen: Map<Claimer, WaitingJob>;
  /** Those for whom it could not be told in this round; for all others without a job there is none. */
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
  /** Nothing waits behind them. */
  areAll: boolean;
}

/** A job that may be chosen, and its `_id` in hex. */
interface Candidate {
  job: WaitingJob;
  id: string;
}

/** Groups up to which each is looked up by itself; of more, first all that have nothing are sorted out. */
const fewGroups = 4;

/**
 * Chooses for each of the claimers, in their order, the first job that it may have and none before it took; nothing is
 * taken yet. One query for claimers of the same queues; where there are many sets of queues, one that tells which of
 * them have anything, and one for each that has and wants more than the first job.
 */
export async function chooseJobs(
  deps: ClaimDeps,
  claimers: readonly Claimer[],
  contention: Contention,
): Promise<Choices> {
  const groups = groupByQueues(claimers);
  const heads =
    groups.length > fewGroups
      ? await findHeads(
          deps,
          groups.flatMap(({ queues }) => queues),
        )
      : undefined;
  const found = new Map<Claimer, Candidates>();
  // Read beside the jobs, so that little is chosen elsewhere between the two.
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

/** What the first jobs of its queues tell of a group; `undefined` when it has to be looked up. */
function readHeads(heads: Map<string, WaitingJob>, { queues, claimers }: Group): Candidates | undefined {
  const jobs = queues.map((queue) => heads.get(queue)).filter((job) => job !== undefined);
  const [first] = jobs.sort(compareClaimOrder);
  if (first === undefined) return { jobs: [], areAll: true };
  const [claimer, ...others] = claimers as [Claimer, ...Claimer[]];
  // Behind the first one there may be better ones than the second.
  if (others.length > 0 || !isReady(first) || !isFor(first, claimer.agent)) return undefined;
  return { jobs: [first], areAll: false };
}

/** As many as there are claimers, and as others are about to take; of many queues part by part, since MongoDB would sort them in memory. */
async function findCandidates(
  { collections }: ClaimDeps,
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
      return collections.jobs.find(filter, { sort: claimOrder, limit }).toArray();
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
    const at = left.findIndex(({ job, id }) => !taken.has(id) && isFor(job, claimer.agent));
    // Taken out, since else each of a thousand claimers would pass over all that went to those before it.
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

/** What `filterClaimable` asks for about the agent. */
function isFor(
  { job_data: { exclude_agents: excluded }, lost_holders: lost }: JobRecord,
  agent: string,
): boolean {
  return !holds(excluded, agent) && !holds(lost, agent);
}

function holds(stored: unknown, agent: string): boolean {
  return Array.isArray(stored) ? stored.includes(agent) : stored === agent;
}

/** What `filterWaiting` asks for, and the first of a queue may not be. */
function isReady({ job_data: { attachments_status: status }, superseded }: JobRecord): boolean {
  return status !== 'waiting' && superseded !== true;
}

/** As `claimOrder`. */
function compareClaimOrder(one: WaitingJob, other: WaitingJob): number {
  return (
    other.job_priority - one.job_priority ||
    one.created_at.getTime() - other.created_at.getTime() ||
    (one._id.toHexString() < other._id.toHexString() ? -1 : 1)
  );
}
